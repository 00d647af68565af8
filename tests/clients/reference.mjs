// Phones with the reference client of docs/reference-client, led line by line from standard input; each tells what it sees.
// node reference.mjs URL_THROUGH_THE_TUNNEL, with a JSON line for each order: { phone, do, ... }
import { createInterface } from 'node:readline'
import WebSocket from 'ws'
import { AlertFeed } from './node_modules/.reference-client/alert-feed.js'
import { EventStreamTransport } from './node_modules/.reference-client/event-stream-transport.js'
import { WebSocketTransport } from './node_modules/.reference-client/websocket-transport.js'

const url = process.argv[2]
const tell = (fact) => process.stdout.write(JSON.stringify(fact) + '\n')

const transports = {
  websocket: (silenceMs = 10_000) =>
    new WebSocketTransport({
      url: url.replace(/^http/, 'ws'),
      webSocketImpl: WebSocket,
      pingMs: silenceMs / 2,
      pongMs: silenceMs / 2,
    }),
  events: (silenceMs) => new EventStreamTransport({ url, ...(silenceMs && { silenceMs }) }),
}
const phones = {}
const wanted = {}

function open({ phone, transport, deviceId, silenceMs, cursor = null, token = null }) {
  let saved = cursor && { cursor, known: [], untold: [] }
  const line = transports[transport](silenceMs)
  const follow = line.follow.bind(line)
  line.follow = async (...args) => {
    tell({ phone, line: args[1] })
    const ending = await follow(...args)
    if (ending.waitMs) tell({ phone, waits: ending.waitMs })
    return ending
  }
  phones[phone] = new AlertFeed({
    url,
    transport: line,
    deviceId,
    accessToken: async (fresh) => {
      if (!token || fresh) {
        token = await new Promise((resolve) => {
          ;(wanted[phone] ??= []).push(resolve)
          tell({ phone, token: true })
        })
      }
      return token
    },
    load: async () => structuredClone(saved),
    save: async (state) => (saved = structuredClone(state)),
    onAlert: ({ id }, notify) => tell({ phone, alert: id, notify }),
    onChange: ({ id, state }) => tell({ phone, changed: id, state }),
    onGap: (reason) => tell({ phone, gap: reason }),
    onCaughtUp: () => tell({ phone, caughtUp: true }),
    onEnd: (reason) => tell({ phone, ended: reason }),
    waitMs: 50,
    waitMsMax: 400,
    renewMs: -28_000, // the gateway tolerates 30 s: tokens here live 3 s with that
  })
  phones[phone].resume()
}

const orders = {
  open,
  token: ({ phone, token }) => wanted[phone].shift()(token),
  pause: async ({ phone }) => (await phones[phone].pause(), tell({ phone, paused: true })),
  resume: ({ phone }) => phones[phone].resume(),
  pushed: async ({ phone, alertId }) => tell({ phone, pushed: alertId, show: await phones[phone].pushed(alertId) }),
}
for await (const order of createInterface({ input: process.stdin })) {
  const { do: name, ...more } = JSON.parse(order)
  await orders[name](more)
}
process.exit(0)
