// The graphql-sse client in its distinct connections mode, and an EventSource that resumes by Last-Event-ID.
import { EventSource } from 'eventsource'
import { createClient } from 'graphql-sse'
import { briefToken, cutLines, documents, headers, shown, tell, tunnelUrl, url } from './session.mjs'

const connect = (options) => createClient({ url, headers, retry: () => Promise.resolve(), ...options })

const collect = (client, payload, onNext = () => {}) =>
  new Promise((resolve, reject) => {
    const answers = []
    client.subscribe(payload, {
      next: (answer) => {
        answers.push(answer.errors ? { ...answer, errors: shown(answer.errors) } : answer)
        onNext(answer)
      },
      error: reject,
      complete: () => resolve(answers),
    })
  })

/** Follows the feed; the cursor is read anew whenever the client sends the request again. */
async function follow(options, onEntry) {
  let cursor = null
  const starts = []
  const variables = {
    get after() {
      starts.push(cursor)
      return cursor
    },
  }
  const answers = await collect(connect(options), { query: documents.feed, variables }, ({ data }) => {
    if (!data) return
    cursor = data.feed.cursor
    onEntry(data.feed.number)
  })
  return { answers, numbers: answers.filter(({ data }) => data).map(({ data }) => data.feed.number), starts }
}

/** Follows the feed with the browser's own client: it knows nothing of GraphQL or cursors, and resumes all the same. */
function followEvents() {
  const address = new URL(tunnelUrl)
  address.searchParams.set('query', documents.feed)
  const resumed = []
  const source = new EventSource(address, {
    fetch: (input, init) => {
      resumed.push(init.headers['Last-Event-ID'] ?? null)
      return fetch(input, { ...init, headers: { ...init.headers, ...headers } })
    },
  })
  const numbers = []
  return new Promise((resolve) => {
    source.addEventListener('next', ({ data }) => {
      numbers.push(JSON.parse(data).data.feed.number)
      if (numbers.length === 3) cutLines()
    })
    source.addEventListener('complete', () => {
      source.close()
      resolve({ numbers, resumed })
    })
  })
}

const client = connect()
const events = followEvents() // waits for 3 s before it connects again: the other steps run meanwhile
await tell({
  query: () => collect(client, { query: documents.query, variables: { name: 'Ada' } }),
  mutation: () => collect(client, { query: documents.mutation, variables: { name: 'Savings' } }),
  partial: () => collect(client, { query: documents.partial }),
  invalid: () => collect(client, { query: documents.invalid }),
  count: () => collect(client, { query: documents.count, variables: { to: 3 } }),
  failing: () => collect(client, { query: documents.failing }),
  unauthenticated: () =>
    collect(connect({ headers: {}, retryAttempts: 0 }), { query: documents.query }).then(
      () => null,
      (error) => ({ status: error.response?.status }),
    ),
  expired: async () => {
    const authorization = `Bearer ${await briefToken(1.5)}`
    return follow({ headers: { authorization } }, () => {})
  },
  eventSource: () => events,
  cut: () => follow({ url: tunnelUrl }, (number) => number === 3 && cutLines()),
})
