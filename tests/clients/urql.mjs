// urql: HTTP, persisted queries, @defer, and subscriptions by its own fetch, over graphql-sse and over graphql-ws.
import { Client, fetchExchange, gql, subscriptionExchange } from '@urql/core'
import { persistedExchange } from '@urql/exchange-persisted'
import { createClient as createEvents } from 'graphql-sse'
import { createClient as createSocket } from 'graphql-ws'
import WebSocket from 'ws'
import { documents, headers, openGate, shown, socketUrl, tell, url } from './session.mjs'

const fetchOptions = { headers }
const connect = (options) =>
  new Client({ url, fetchOptions, preferGetMethod: false, requestPolicy: 'network-only', ...options })
const client = connect({ exchanges: [fetchExchange], fetchSubscriptions: true })

const told = ({ data, error }) => ({
  data,
  errors: error?.graphQLErrors?.length ? shown(error.graphQLErrors) : undefined,
  network: error?.networkError?.message,
})

const collect = (source) =>
  new Promise((resolve) => {
    const answers = []
    const following = source.subscribe((result) => {
      answers.push({ ...told(result), hasNext: result.hasNext })
      if (!result.hasNext) {
        resolve(answers)
        setImmediate(() => following.unsubscribe())
      }
    })
  })

/** Counts over a subscription client of another package; urql ends such a subscription without a last result. */
function countOver(forward, complete) {
  const exchange = subscriptionExchange({ forwardSubscription: (request) => ({ subscribe: forward(request) }) })
  const client = connect({ exchanges: [exchange] })
  const numbers = []
  const following = client
    .subscription(gql(documents.count), { to: 3 })
    .subscribe(({ data }) => numbers.push(data.count))
  return complete.then(() => {
    following.unsubscribe()
    return numbers
  })
}

const bridge = (client, done) => (request) => (sink) => ({
  unsubscribe: client.subscribe(request, { ...sink, complete: () => (sink.complete(), done()) }),
})

function countWith(client) {
  const { promise, resolve } = withResolvers()
  return countOver(bridge(client, resolve), promise)
}

function withResolvers() {
  let resolve
  return { promise: new Promise((settle) => (resolve = settle)), resolve: () => resolve() }
}

await tell({
  query: async () => told(await client.query(gql(documents.query), { name: 'Ada' })),
  byGet: async () => told(await client.query(gql(documents.query), { name: 'Ada' }, { preferGetMethod: 'force' })),
  mutation: async () => told(await client.mutation(gql(documents.mutation), { name: 'Savings' })),
  partial: async () => told(await client.query(gql(documents.partial), {})),
  invalid: async () => told(await client.query(gql(documents.invalid), {})),
  unauthenticated: async () => {
    const stranger = connect({ exchanges: [fetchExchange], fetchOptions: {} })
    const result = await stranger.query(gql(documents.query), { name: 'Ada' })
    return { ...told(result), status: result.error.response.status }
  },
  persisted: async () => {
    const methods = []
    const noting = (input, init) => {
      methods.push(init.method)
      return fetch(input, init)
    }
    const persisting = connect({
      exchanges: [persistedExchange({ preferGetForPersistedQueries: 'force' }), fetchExchange],
      fetch: noting,
    })
    const greet = () => persisting.query(gql('query UrqlPersisted { greeting(name: "Ada") }'), {})
    return { answers: [told(await greet()), told(await greet())], methods }
  },
  defer: async () => {
    const states = []
    const gate = 'urql-defer'
    await new Promise((resolve) => {
      client.query(gql(documents.defer), { gate }).subscribe((result) => {
        states.push({ ...told(result), hasNext: result.hasNext })
        if (result.hasNext && states.length === 1) openGate(gate)
        if (!result.hasNext) resolve()
      })
    })
    return states
  },
  fetched: () => collect(client.subscription(gql(documents.count), { to: 3 })),
  fetchedFailing: () => collect(client.subscription(gql(documents.failing), {})),
  socket: () =>
    countWith(createSocket({ url: socketUrl(url), webSocketImpl: WebSocket, connectionParams: headers })),
  events: () => countWith(createEvents({ url, headers })),
})
