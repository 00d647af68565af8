// The pure parts of the reference client, told as JSON: a stream of events cut everywhere, what errors mean, when tokens end.
import { expiryOf } from './node_modules/.reference-client/alert-feed.js'
import { EventParser } from './node_modules/.reference-client/event-stream-transport.js'
import { endingOf } from './node_modules/.reference-client/feed-events.js'
import { endingOfClose } from './node_modules/.reference-client/websocket-transport.js'

const stream = ':\n\nid: c1\nevent: next\ndata: {"a":\ndata: 1}\n\n:\n\nevent: next\r\ndata:x\r\n\r\nevent: complete\ndata:\n\n'
const parsed = (...pieces) => {
  const parser = new EventParser()
  return pieces.flatMap((piece) => parser.parse(piece))
}
const cuts = new Set()
for (let at = 0; at <= stream.length; at++) cuts.add(JSON.stringify(parsed(stream.slice(0, at), stream.slice(at))))
cuts.add(JSON.stringify(parsed(...stream)))

const stopping = new EventParser()
stopping.parse('retry: 750\nid: c2\n: draining\n\n')

const ending = (code, more) => endingOf([{ message: 'M', extensions: { code, ...more } }])
const jwt = (payload) => `h.${Buffer.from(payload).toString('base64url')}.s`
console.log(
  JSON.stringify({
    cuts: [...cuts].map((text) => JSON.parse(text)),
    endings: [
      ending('UNAUTHENTICATED'),
      ending('BAD_CURSOR'),
      ending('UNAVAILABLE', { retryAfter: 2 }),
      ending('STORAGE_BUSY'),
      ending('MISSING_SCOPE'),
      endingOf([{ message: 'odd' }]),
    ],
    retryMs: stopping.retryMs,
    closes: [
      { code: 1012, reason: '{"reconnectAfterMs":750,"cursor":"c2"}' },
      { code: 1012, reason: 'restarting' },
      { code: 1006 },
      { code: 4403, reason: 'Token expired' },
      { code: 4400, reason: 'Invalid message' },
    ].map(endingOfClose),
    expiries: [jwt('{"exp":12.5,"sub":"ÄÖ?>"}'), jwt('{}'), jwt('nonsense'), 'opaque', ''].map(expiryOf),
  }),
)
