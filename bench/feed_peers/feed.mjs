// The alert feed as Node's servers serve it: `node feed.mjs graphql-ws|mercurius|mercurius-jit`. Alerts are raised by
// datagrams `{first, last, count}` for customers `c<first>`..`c<last>`, like bench/feed_server.py; ports go to stdout.
import { createSocket } from 'node:dgram'
import { createServer } from 'node:http'
import { buildSchema } from 'graphql'

const SCHEMA = `
  type Reason { code: String! observed: String! threshold: String }
  interface Alert { id: ID! title: String! body: String! severity: String! state: String! occurredAt: String! reasons: [Reason!]! }
  type LoginAlert implements Alert { id: ID! title: String! body: String! severity: String! state: String! occurredAt: String! reasons: [Reason!]! }
  type AlertRaised { cursor: String! alert: Alert! }
  type FeedCaughtUp { cursor: String! }
  union AlertFeedEvent = AlertRaised | FeedCaughtUp
  type Query { hello: String! }
  type Subscription { alertFeed: AlertFeedEvent! }`

const kind = process.argv[2]
const subscribers = new Map() // customer -> set of queues
let seq = 0

class Queue {
  constructor(customer) {
    this.customer = customer
    this.items = [{ alertFeed: { __typename: 'FeedCaughtUp', cursor: 'c'.repeat(42) } }]
    if (!subscribers.has(customer)) subscribers.set(customer, new Set())
    subscribers.get(customer).add(this)
  }
  push(item) {
    if (this.wake) {
      const wake = this.wake
      this.wake = null
      wake({ value: item, done: false })
    } else this.items.push(item)
  }
  next() {
    if (this.items.length) return Promise.resolve({ value: this.items.shift(), done: false })
    return new Promise((wake) => { this.wake = wake })
  }
  return() {
    subscribers.get(this.customer)?.delete(this)
    this.wake?.({ value: undefined, done: true })
    return Promise.resolve({ value: undefined, done: true })
  }
  [Symbol.asyncIterator]() { return this }
}

function raise(customer) {
  const listening = subscribers.get(customer)
  if (!listening?.size) return
  const event = {
    alertFeed: {
      __typename: 'AlertRaised', cursor: 'c'.repeat(42),
      alert: {
        __typename: 'LoginAlert', id: `alert-${customer}-${++seq}`, title: 'New sign-in', body: 'Somebody signed in on a new device in Berlin.',
        severity: 'HIGH', state: 'NEW', occurredAt: '2026-01-01T00:00:00Z', reasons: [{ code: 'NEW_DEVICE', observed: 'device-1', threshold: null }],
      },
    },
  }
  for (const queue of listening) queue.push(event)
}

const trigger = createSocket('udp4')
trigger.on('message', (datagram) => {
  const { first, last, count } = JSON.parse(datagram)
  for (let n = 0; n < count; n++) for (let c = first; c <= last; c++) raise(`c${c}`)
})
await new Promise((bound) => trigger.bind(0, '127.0.0.1', bound))

let port
if (kind === 'graphql-ws') {
  const { WebSocketServer } = await import('ws')
  const { useServer } = await import('graphql-ws/use/ws')
  const schema = buildSchema(SCHEMA)
  schema.getSubscriptionType().getFields().alertFeed.subscribe = (_, __, context) => new Queue(context.connectionParams.token)
  const server = createServer()
  useServer({ schema, context: (opened) => opened }, new WebSocketServer({ server, path: '/graphql', perMessageDeflate: false }))
  await new Promise((up) => server.listen(0, '127.0.0.1', 4096, up))
  port = server.address().port
} else {
  const { default: fastify } = await import('fastify')
  const { default: mercurius } = await import('mercurius')
  const app = fastify()
  app.register(mercurius, {
    schema: SCHEMA,
    jit: kind === 'mercurius-jit' ? 1 : 0,
    subscription: { onConnect: ({ payload }) => ({ token: payload.token }) },
    resolvers: { Subscription: { alertFeed: { subscribe: (_, __, context) => new Queue(context.token) } } },
  })
  await app.listen({ port: 0, host: '127.0.0.1', backlog: 4096 })
  port = app.server.address().port
}
console.log(JSON.stringify({ port, trigger: trigger.address().port }))
