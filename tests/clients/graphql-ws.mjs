// The graphql-ws client: every kind of operation over one socket, and two ways to lose that socket.
import { createClient } from 'graphql-ws'
import WebSocket from 'ws'
import { briefToken, cutLines, documents, headers, shown, socketUrl, tell, tunnelUrl, url } from './session.mjs'

const connect = (options) =>
  createClient({
    url: socketUrl(url),
    webSocketImpl: WebSocket,
    connectionParams: headers,
    retryWait: () => Promise.resolve(),
    ...options,
  })

/** Collects what a subscription says until it ends. */
const collect = (client, payload, onNext = () => {}) =>
  new Promise((resolve, reject) => {
    const answers = []
    client.subscribe(payload, {
      next: (answer) => {
        answers.push(answer)
        onNext(answer)
      },
      error: (error) => (Array.isArray(error) ? resolve({ answers, refused: shown(error) }) : reject(error)),
      complete: () => resolve({ answers }),
    })
  })

/** Follows the feed; the cursor is read anew whenever the client subscribes again. */
async function follow(options, onEntry) {
  const closes = []
  const starts = []
  const client = connect({ ...options, on: { closed: ({ code, reason }) => closes.push({ code, reason }) } })
  let cursor = null
  const variables = {
    get after() {
      starts.push(cursor)
      return cursor
    },
  }
  const { answers } = await collect(client, { query: documents.feed, variables }, ({ data }) => {
    cursor = data.feed.cursor
    onEntry(data.feed.number)
  })
  return { numbers: answers.map(({ data }) => data.feed.number), starts, closes }
}

const client = connect()
const closeOf = (options, payload = { query: '{ __typename }' }) =>
  collect(connect({ retryAttempts: 0, ...options }), payload).then(
    () => null,
    ({ code, reason }) => ({ code, reason }),
  )

await tell({
  query: () => collect(client, { query: documents.query, variables: { name: 'Ada' } }),
  mutation: () => collect(client, { query: documents.mutation, variables: { name: 'Savings' } }),
  partial: async () => {
    const { answers } = await collect(client, { query: documents.partial })
    return answers.map(({ data, errors }) => ({ data, errors: shown(errors) }))
  },
  invalid: () => collect(client, { query: documents.invalid }),
  badVariables: () => collect(client, { query: documents.query, variables: { name: 5 } }),
  count: () => collect(client, { query: documents.count, variables: { to: 3 } }),
  failing: async () => {
    const { answers } = await collect(client, { query: documents.failing })
    return answers.map(({ data, errors }) => ({ data, errors: errors && shown(errors) }))
  },
  stopped: async () => {
    const numbers = []
    for await (const { data } of client.iterate({ query: documents.count, variables: { to: 1000 } })) {
      numbers.push(data.count)
      if (numbers.length === 2) break
    }
    return { numbers, after: await collect(client, { query: documents.query, variables: { name: 'Ada' } }) }
  },
  unauthenticated: () => closeOf({ connectionParams: {} }),
  cut: () => follow({ url: socketUrl(tunnelUrl) }, (number) => number === 3 && cutLines()),
  expired: async () => {
    const tokens = [await briefToken(1.5)]
    const connectionParams = () => ({ token: tokens.pop() ?? headers.authorization })
    return follow({ connectionParams }, () => {})
  },
  renewed: async () => {
    const connectionParams = { token: await briefToken(1.5) }
    const closes = []
    let pong
    const ponged = new Promise((resolve) => (pong = resolve))
    const renewing = connect({
      connectionParams,
      lazy: false,
      on: {
        connected: (socket) => socket.send(JSON.stringify({ type: 'ping', payload: headers })),
        pong: (received, payload) => pong(payload),
        closed: ({ code }) => closes.push(code),
      },
    })
    const answer = await ponged
    const other = await closeOf({ connectionParams }, { query: documents.feed })
    const after = await collect(renewing, { query: documents.query, variables: { name: 'Ada' } })
    return { answer, other, closes, after }
  },
})
