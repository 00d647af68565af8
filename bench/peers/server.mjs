// One of the Node servers of the benchmark: node server.mjs apollo|yoga|mercurius PORT UPSTREAM_PORT http|memory
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { makeExecutableSchema } from '@graphql-tools/schema'
import { Pool } from 'undici'
import DataLoader from 'dataloader'

const [kind, port, upstreamPort, source] = process.argv.slice(2)
const upstream = new Pool(`http://127.0.0.1:${upstreamPort}`, { connections: 64, pipelining: 1 })

async function fetched(path) {
  const answer = await upstream.request({ path, method: 'GET', headers: { accept: 'application/json' } })
  if (answer.statusCode !== 200) throw new Error(`upstream answered ${answer.statusCode}`)
  return answer.body.json()
}

// In memory: the same structures without any call, asked for once.
const kept = new Map()
function get(path) {
  if (source !== 'memory') return fetched(path)
  if (!kept.has(path)) kept.set(path, fetched(path))
  return kept.get(path)
}

const many = (name, ids) => ids.map((id) => `${name}=${encodeURIComponent(id)}`).join('&')
const inOrder = (ids, found, key) => {
  const byKey = new Map(found.map((one) => [one[key], one]))
  return ids.map((id) => byKey.get(id))
}

const subjects = new Map()
function subjectOf(authorization) {
  let subject = subjects.get(authorization)
  if (subject === undefined) {
    subject = JSON.parse(Buffer.from(authorization.split('.')[1], 'base64url')).sub
    subjects.set(authorization, subject)
  }
  return subject
}

function contextOf(authorization) {
  const customer = subjectOf(authorization)
  let owned
  return {
    customer,
    owned: () => (owned ??= get(`/customers/${customer}/entitlements`).then((one) => one.accounts.map((a) => a.accountId))),
    authors: new DataLoader(async (ids) => inOrder(ids, await get(`/authors?${many('id', ids)}`), 'id')),
    accounts: new DataLoader(async (ids) => inOrder(ids, await get(`/accounts?${many('id', ids)}`), 'id')),
    pages: new DataLoader(async (ids) =>
      inOrder(ids, await get(`/transactions/by-account?${many('accountId', ids)}&first=20`), 'accountId').map((one) => one.page)),
  }
}

const nodeId = (type, id) => Buffer.from(`${type}:${id}`).toString('base64url')
const account = { id: (one) => nodeId('Account', one.id), transactions: (one, _, context) => context.pages.load(one.id) }
const alert = { id: (one) => nodeId('Alert', one.id) }
const resolvers = {
  Query: { hello: () => 'world', posts: () => get('/posts'), viewer: () => ({}) },
  Post: { author: (post, _, context) => context.authors.load(post.authorId) },
  Customer: {
    accounts: async (_, __, context) => context.accounts.loadMany(await context.owned()),
    spending: async (_, { period }, context) =>
      get(`/spending?${many('accountId', await context.owned())}&from=${period.start}&to=${period.end}&groupBy=CATEGORY`),
    alerts: (_, { first }, context) => get(`/alerts?customerId=${context.customer}&first=${first}`),
  },
  Account: { __resolveType: (one) => (one.kind === 'CACC' ? 'CurrentAccount' : 'SavingsAccount') },
  CurrentAccount: account,
  SavingsAccount: account,
  TransactionConnection: { nodes: (page) => page.edges.map((edge) => edge.node) },
  Transaction: { id: (one) => nodeId('Transaction', one.id) },
  TransactionStatus: { PENDING: 'PDNG', BOOKED: 'BOOK' },
  CreditDebitIndicator: { CREDIT: 'CRDT', DEBIT: 'DBIT' },
  AlertConnection: { nodes: (page) => page.edges.map((edge) => edge.node) },
  Alert: { __resolveType: (one) => (one.kind === 'LARGE_TRANSACTION' ? 'LargeTransactionAlert' : 'LowBalanceAlert') },
  LargeTransactionAlert: alert,
  LowBalanceAlert: alert,
}
const schema = makeExecutableSchema({ typeDefs: readFileSync(new URL('schema.graphql', import.meta.url), 'utf8'), resolvers })
const listening = { host: '127.0.0.1', port: Number(port) }

const servers = {
  async apollo() {
    const { ApolloServer } = await import('@apollo/server')
    const { startStandaloneServer } = await import('@apollo/server/standalone')
    const server = new ApolloServer({ schema, stopOnTerminationSignals: false })
    await startStandaloneServer(server, { listen: listening, context: async ({ req }) => contextOf(req.headers.authorization) })
  },
  async yoga() {
    const { createYoga } = await import('graphql-yoga')
    const { useGraphQlJit } = await import('@envelop/graphql-jit')
    const yoga = createYoga({
      schema,
      logging: false,
      graphiql: false,
      plugins: [useGraphQlJit()],
      context: ({ request }) => contextOf(request.headers.get('authorization')),
    })
    await new Promise((done) => createServer(yoga).listen(listening, done))
  },
  async mercurius() {
    const { default: fastify } = await import('fastify')
    const { default: mercurius } = await import('mercurius')
    const app = fastify()
    app.register(mercurius, { schema, jit: 1, context: (request) => contextOf(request.headers.authorization) })
    await app.listen(listening)
  },
}
await servers[kind]()
