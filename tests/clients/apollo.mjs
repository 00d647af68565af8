// Apollo Client: HTTP, persisted queries, @defer and @stream in both formats, and subscriptions over two transports.
import { createHash } from 'node:crypto'
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache, NetworkStatus } from '@apollo/client/core'
import { CombinedGraphQLErrors, ServerError } from '@apollo/client/errors'
import { Defer20220824Handler, GraphQL17Alpha9Handler } from '@apollo/client/incremental'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'
import { GraphQLWsLink } from '@apollo/client/link/subscriptions'
import { createClient } from 'graphql-ws'
import WebSocket from 'ws'
import { cutLines, documents, headers, openGate, shown, socketUrl, tell, tunnelUrl, url } from './session.mjs'

globalThis.WebSocket ??= WebSocket // Node has one of its own from version 22

const defaultOptions = { query: { errorPolicy: 'all', fetchPolicy: 'no-cache' }, mutate: { errorPolicy: 'all' } }
const over = (link, options) => new ApolloClient({ link, cache: new InMemoryCache(), defaultOptions, ...options })
const http = (options) => new HttpLink({ uri: url, headers, ...options })
const client = over(http())

const told = ({ data, error }) => ({ data, errors: CombinedGraphQLErrors.is(error) ? shown(error.errors) : error })

const collect = (client, options, onNext = () => {}) =>
  new Promise((resolve) => {
    const answers = []
    client.subscribe({ errorPolicy: 'all', fetchPolicy: 'no-cache', ...options }).subscribe({
      next: (result) => {
        answers.push(told(result))
        onNext(result)
      },
      error: (error) => resolve({ answers, broke: error.message }),
      complete: () => resolve({ answers }),
    })
  })

/** Watches a query with a part held back behind a gate, opens the gate once the rest is there, and tells each state. */
function watch(incrementalHandler, document, gate) {
  const client = over(http(), { incrementalHandler })
  return new Promise((resolve, reject) => {
    const states = []
    const watched = client.watchQuery({ query: gql(document), variables: { gate } })
    const following = watched.subscribe({
      next: ({ data, networkStatus, error }) => {
        if (error) return reject(error)
        if (data === undefined) return
        states.push({ ready: networkStatus === NetworkStatus.ready, data })
        if (networkStatus === NetworkStatus.streaming) openGate(gate)
        if (networkStatus === NetworkStatus.ready) {
          following.unsubscribe()
          resolve(states)
        }
      },
      error: reject,
    })
  })
}

/** Follows the feed and subscribes again after the last cursor when the connection breaks. */
async function follow(client) {
  const numbers = []
  const starts = []
  let cursor = null
  for (;;) {
    starts.push(cursor)
    const options = { query: gql(documents.feed), variables: { after: cursor } }
    const { broke } = await collect(client, options, ({ data }) => {
      if (!data) return
      cursor = data.feed.cursor
      numbers.push(data.feed.number)
      if (data.feed.number === 3) cutLines()
    })
    if (numbers.at(-1) === 6) return { numbers, starts, broke }
  }
}

/** Sends the hash first, the text when it is not known, and the hash alone from then on; tells each request. */
async function askPersisted() {
  const requests = []
  const noting = (input, init) => {
    const sent = init.method === 'GET' ? new URL(input).searchParams : new URLSearchParams(JSON.parse(init.body))
    requests.push({ method: init.method, withText: sent.has('query') })
    return fetch(input, init)
  }
  const sha256 = (text) => createHash('sha256').update(text).digest('hex')
  const link = ApolloLink.from([
    new PersistedQueryLink({ sha256, useGETForHashedQueries: true }),
    http({ fetch: noting }),
  ])
  const persisting = over(link)
  const greet = () => persisting.query({ query: gql('query Persisted { greeting(name: "Ada") }') })
  return { answers: [told(await greet()), told(await greet())], requests }
}

const sockets = new GraphQLWsLink(
  createClient({ url: socketUrl(tunnelUrl), webSocketImpl: WebSocket, connectionParams: headers, retryAttempts: 0 }),
)

await tell({
  query: async () => told(await client.query({ query: gql(documents.query), variables: { name: 'Ada' } })),
  byGet: async () => {
    const getting = over(http({ useGETForQueries: true }))
    return told(await getting.query({ query: gql(documents.query), variables: { name: 'Ada' } }))
  },
  mutation: async () => told(await client.mutate({ mutation: gql(documents.mutation), variables: { name: 'Savings' } })),
  partial: async () => told(await client.query({ query: gql(documents.partial) })),
  invalid: async () => told(await client.query({ query: gql(documents.invalid) })),
  badVariables: async () => told(await client.query({ query: gql(documents.query), variables: { name: 5 } })),
  unauthenticated: async () => {
    const { error } = await over(http({ headers: {} })).query({ query: gql(documents.query), variables: { name: 'Ada' } })
    return ServerError.is(error) ? { status: error.statusCode } : told({ error })
  },
  persisted: askPersisted,
  defer: () => watch(new GraphQL17Alpha9Handler(), documents.defer, 'apollo-defer'),
  deferLegacy: () => watch(new Defer20220824Handler(), documents.defer, 'apollo-defer-legacy'),
  stream: () => watch(new GraphQL17Alpha9Handler(), documents.stream, 'apollo-stream'),
  streamLegacy: () => watch(new Defer20220824Handler(), documents.stream, 'apollo-stream-legacy'),
  multipart: () => collect(client, { query: gql(documents.count), variables: { to: 3 } }),
  multipartFailing: () => collect(client, { query: gql(documents.failing) }),
  multipartCut: () => follow(over(http({ uri: tunnelUrl }))),
  socket: () => collect(over(sockets), { query: gql(documents.count), variables: { to: 3 } }),
  socketCut: () => follow(over(sockets)),
})
