// Relay's network layer: fetch for queries and mutations, documents by id, subscriptions over graphql-ws.
import { createHash } from 'node:crypto'
import { createClient } from 'graphql-ws'
import relay from 'relay-runtime'
import WebSocket from 'ws'
import { documents, headers, shown, socketUrl, tell, url } from './session.mjs'

const { Network, Observable } = relay

async function fetchFn({ id, text }, variables) {
  const document = { ...(id && { doc_id: id }), ...(text && { query: text }) }
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', accept: 'application/graphql-response+json' },
    body: JSON.stringify({ ...document, variables }),
  })
  return response.json()
}

const sockets = createClient({ url: socketUrl(url), webSocketImpl: WebSocket, connectionParams: headers })
const subscribeFn = ({ text, name }, variables) =>
  Observable.create((sink) => sockets.subscribe({ query: text, operationName: name, variables }, sink))

const network = Network.create(fetchFn, subscribeFn)

/** Runs what Relay's compiler would have made of a document. */
const run = (operationKind, text, variables = {}, id = null) =>
  new Promise((resolve, reject) => {
    const answers = []
    const name = text?.match(/^(?:query|mutation|subscription) (\w+)/)?.[1]
    network.execute({ operationKind, text, name, id, metadata: {}, cacheID: 'x' }, variables, { force: true }).subscribe({
      next: ({ data, errors }) => answers.push({ data, errors: errors && shown(errors) }),
      error: reject,
      complete: () => resolve(answers),
    })
  })

const id = `sha256:${createHash('sha256').update(documents.query).digest('hex')}`

await tell({
  query: () => run('query', documents.query, { name: 'Ada' }),
  mutation: () => run('mutation', documents.mutation, { name: 'Savings' }),
  partial: () => run('query', documents.partial),
  unknownId: () => run('query', null, {}, 'sha256:unknown'),
  byId: async () => {
    await run('query', documents.query, { name: 'Ada' }, id)
    return run('query', null, { name: 'Ada' }, id)
  },
  count: () => run('subscription', documents.count, { to: 3 }),
})
