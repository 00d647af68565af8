// The feed as server-sent events over fetch: needs no WebSocket, passes every proxy that passes HTTP, and can send a token,
// which browsers' own EventSource cannot. A silent line is taken for a dead one: the gateway sends a comment every 12 s.
import { ALERT_FEED, type Answer, type Ending, endingOf, type FeedEvent, type Transport } from './feed-events.js'

export interface EventStreamOptions {
  url: string
  /** Longest silence before the line counts as lost, in ms: two heartbeats and a half. */
  silenceMs?: number
}

export class EventStreamTransport implements Transport {
  constructor(private readonly options: EventStreamOptions) {}

  async follow(
    token: string,
    after: string | null,
    onEvent: (event: FeedEvent) => void,
    line: AbortSignal,
  ): Promise<Ending> {
    const dead = new AbortController()
    let silence = this.#watch(dead)
    try {
      const response = await fetch(this.options.url, {
        method: 'POST',
        headers: {
          accept: 'text/event-stream',
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify({ query: ALERT_FEED, variables: { after } }),
        signal: AbortSignal.any([line, dead.signal]),
      })
      if (!response.ok || !response.body) return await endingOfStatus(response)
      const parser = new EventParser()
      const text = new TextDecoder()
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        clearTimeout(silence)
        silence = this.#watch(dead)
        for (const { event, data } of parser.parse(text.decode(chunk, { stream: true }))) {
          if (event === 'complete') return { kind: 'LOST' }
          const answer = JSON.parse(data) as Answer
          if (answer.data?.alertFeed && !line.aborted) onEvent(answer.data.alertFeed)
          else if (answer.errors?.length) return endingOf(answer.errors)
        }
      }
      // A gateway that stops says `retry` before the end.
      return { kind: 'LOST', ...(parser.retryMs !== null && { waitMs: parser.retryMs }) }
    } catch {
      return { kind: 'LOST' } // cut, silent or ended by us
    } finally {
      clearTimeout(silence)
      dead.abort()
    }
  }

  #watch(dead: AbortController): ReturnType<typeof setTimeout> {
    return setTimeout(() => dead.abort(), this.options.silenceMs ?? 30_000)
  }
}

async function endingOfStatus(response: Response): Promise<Ending> {
  if (response.status === 401) return { kind: 'TOKEN' }
  const wait = Number(response.headers.get('retry-after'))
  if (response.status === 429 || response.status >= 500) return { kind: 'LOST', ...(wait > 0 && { waitMs: wait * 1000 }) }
  const answer = (await response.json().catch(() => ({}))) as Answer
  return answer.errors?.length ? endingOf(answer.errors) : { kind: 'REFUSED', reason: `HTTP ${response.status}` }
}

/** Cuts a stream into events (WHATWG HTML, "Interpreting an event stream"), however it comes in pieces. */
export class EventParser {
  #rest = ''
  #event = 'message'
  #data: string[] = []
  /** How long to wait before coming back, once the stream has said so. */
  retryMs: number | null = null

  parse(text: string): { event: string; data: string }[] {
    const events: { event: string; data: string }[] = []
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/)
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line === '') {
        if (this.#data.length) events.push({ event: this.#event, data: this.#data.join('\n') })
        this.#event = 'message'
        this.#data = []
        continue
      }
      const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
      if (field === 'event') this.#event = value
      if (field === 'data') this.#data.push(value)
      if (field === 'retry' && /^\d+$/.test(value)) this.retryMs = Number(value)
    }
    return events
  }
}
