// The feed over graphql-transport-ws: one socket, pinged so that a dead one is noticed, its token renewed in place.
import { createClient } from 'graphql-ws'
import { ALERT_FEED, type Answer, type Ending, endingOf, type FeedEvent, type Transport } from './feed-events.js'

/** The part of a WebSocket that is used, in browsers, React Native and npm's ws alike. */
interface Socket {
  send(data: string): void
}

export interface SocketOptions {
  url: string
  /** Where there is no global WebSocket. */
  webSocketImpl?: unknown
  /** How often a ping is sent, in ms. */
  pingMs?: number
  /** How long its pong may take before the line counts as lost, in ms. */
  pongMs?: number
}

export class WebSocketTransport implements Transport {
  #socket: Socket | null = null

  constructor(private readonly options: SocketOptions) {}

  follow(
    token: string,
    after: string | null,
    onEvent: (event: FeedEvent) => void,
    line: AbortSignal,
  ): Promise<Ending> {
    const { pingMs = 20_000, pongMs = 5_000, url, webSocketImpl } = this.options
    let missing: ReturnType<typeof setTimeout> | undefined
    const client = createClient({
      url,
      webSocketImpl,
      connectionParams: { Authorization: `Bearer ${token}` },
      retryAttempts: 0, // waiting and coming back is the feed's to do
      keepAlive: pingMs,
      on: {
        connected: (socket) => (this.#socket = socket as Socket),
        ping: (received) => {
          // Terminated, not closed: closing waits for an answer that a dead line will not bring.
          if (!received) missing = setTimeout(() => client.terminate(), pongMs)
        },
        pong: (received) => received && clearTimeout(missing),
      },
    })
    return new Promise<Ending>((resolve) => {
      const end = (ending: Ending): void => {
        clearTimeout(missing)
        this.#socket = null
        resolve(ending)
        void client.dispose()
      }
      line.addEventListener('abort', () => end({ kind: 'LOST' }), { once: true })
      if (line.aborted) return end({ kind: 'LOST' })
      client.subscribe<NonNullable<Answer['data']>>(
        { query: ALERT_FEED, variables: { after } },
        {
          next: (answer) => {
            if (answer.data?.alertFeed && !line.aborted) onEvent(answer.data.alertFeed)
            else if (answer.errors?.length) end(endingOf(answer.errors as Answer['errors'] & object))
          },
          error: (error) => end(Array.isArray(error) ? endingOf(error) : endingOfClose(error)),
          complete: () => end({ kind: 'LOST' }),
        },
      )
    })
  }

  renew(token: string): void {
    this.#socket?.send(JSON.stringify({ type: 'ping', payload: { Authorization: `Bearer ${token}` } }))
  }
}

/**
 * 4403: no valid token. 4429: too many. 1012: the gateway stops, and says when to come back; to any other, with the cursor.
 * Other codes from 4400 on are the app's own mistakes; the rest is the network's.
 */
export function endingOfClose(closed: unknown): Ending {
  const { code, reason } = (closed ?? {}) as { code?: number; reason?: string }
  if (code === 4403) return { kind: 'TOKEN' }
  if (code === 4429) return { kind: 'LOST', waitMs: 10_000 }
  if (code === 1012) return { kind: 'LOST', ...waitOf(reason) }
  if (code !== undefined && [4400, 4401, 4406, 4409].includes(code)) {
    return { kind: 'REFUSED', reason: reason ?? String(code) }
  }
  return { kind: 'LOST' }
}

function waitOf(reason: string | undefined): { waitMs?: number } {
  try {
    const { reconnectAfterMs } = JSON.parse(reason ?? '') as { reconnectAfterMs?: unknown }
    return typeof reconnectAfterMs === 'number' ? { waitMs: reconnectAfterMs } : {}
  } catch {
    return {} // another server's 1012
  }
}
