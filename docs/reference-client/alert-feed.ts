// A phone's alert feed over lines that are cut, tokens that expire and pushes that overtake it.
//
//   line ──events──▶ one at a time: show, remember, save the cursor ──▶ tell DELIVERED
//     └──ends──▶ wait (full jitter, longer each time) ──▶ a new line after the saved cursor
//
// The cursor is saved after the app has an event, so an app that is killed in between gets that event again, and knows the
// alert by its id. A push moves no cursor: alerts before it may still be on their way.
import { ACKNOWLEDGE_DELIVERY, type Alert, type Ending, type FeedEvent, type Transport } from './feed-events.js'

/** What must outlive the app's process, for each customer; keep it with the app's other protected data. */
export interface Saved {
  cursor: string | null
  /** Ids of alerts the customer was notified of, by feed or push; the latest last. */
  known: string[]
  /** Ids of alerts the gateway was not yet told of. */
  untold: string[]
}

export interface Options {
  /** Where mutations are posted. */
  url: string
  transport: Transport
  /** Returns a valid token; `fresh`: the last one was refused. Throws when the customer must sign in again. */
  accessToken: (fresh: boolean) => Promise<string>
  load: () => Promise<Saved | null>
  save: (saved: Saved) => Promise<void>
  /** An alert to list; `notify` says whether the customer has not been notified of it yet. */
  onAlert: (alert: Alert, notify: boolean) => void | Promise<void>
  onChange: (alert: Pick<Alert, 'id' | 'state'>) => void | Promise<void>
  /** Alerts are missing from the feed: read `viewer { alerts }` once. */
  onGap: (reason: string) => void | Promise<void>
  onCaughtUp?: () => void
  /** It has ended for good: signed out, or refused. */
  onEnd: (reason: string) => void
  /** The registered device this is, where the token is not bound to one. */
  deviceId?: string
  /** Longest wait before the second line, in ms; it doubles with each line without an event, up to `waitMsMax`. */
  waitMs?: number
  waitMsMax?: number
  /** How long before its expiry a token is renewed, in ms. */
  renewMs?: number
}

const KNOWN_MAX = 500
const TOLD_AT_ONCE_MAX = 100
const TELL_AFTER_MS = 200
const TELL_MS_MAX = 10_000
const RENEW_MS_MIN = 1_000
const TIMER_MS_MAX = 2 ** 31 - 1

export class AlertFeed {
  #saved: Saved = { cursor: null, known: [], untold: [] }
  #running: Promise<void> = Promise.resolve()
  #line: AbortController | null = null
  #wake: (() => void) | null = null
  #wanted = false
  #fruitless = 0
  #telling: ReturnType<typeof setTimeout> | undefined
  #renewing: ReturnType<typeof setTimeout> | undefined
  readonly #loaded: Promise<void>

  constructor(private readonly options: Options) {
    this.#loaded = options.load().then((saved) => {
      if (saved) this.#saved = saved
    })
  }

  /** Starts, or goes on at once: when the app comes to the foreground, or the system says that the network is back. */
  resume(): void {
    this.#fruitless = 0
    this.#wake?.()
    if (this.#wanted) return
    this.#wanted = true
    this.#running = this.#running.then(() => this.#run())
  }

  /** Ends the line: in the background the system would freeze it anyway, and pushes do its work. */
  async pause(): Promise<void> {
    this.#wanted = false
    this.#line?.abort()
    this.#wake?.()
    await this.#running
  }

  /** Call for each push that arrives, with its `alertId`; returns whether it is to be shown. */
  async pushed(alertId: string): Promise<boolean> {
    await this.#loaded
    if (this.#saved.known.includes(alertId)) return false
    this.#remember(alertId)
    await this.options.save(this.#saved)
    return true
  }

  async #run(): Promise<void> {
    await this.#loaded
    this.#tellSoon()
    let fresh = false
    while (this.#wanted) {
      let token: string
      try {
        token = await this.options.accessToken(fresh)
      } catch {
        return this.#end('SIGNED_OUT')
      }
      const ending = await this.#follow(token)
      if (!this.#wanted) return
      if (ending.kind === 'REFUSED') return this.#end(ending.reason)
      if (ending.kind === 'CURSOR') {
        this.#saved.cursor = null
        await this.options.onGap('UNKNOWN')
      }
      fresh = ending.kind === 'TOKEN'
      await this.#pauseBeforeNext(ending)
    }
  }

  /** Follows one line to its end, and hands every event of it to the app before it returns. */
  async #follow(token: string): Promise<Ending> {
    const line = new AbortController()
    this.#line = line
    let handled: Promise<void> = Promise.resolve()
    let failed = false
    const take = (event: FeedEvent): void => {
      this.#fruitless = 0
      handled = handled
        .then(() => (failed || !this.#wanted ? undefined : this.#take(event)))
        .catch(() => {
          failed = true // it and what follows are not saved: they come again
          line.abort()
        })
    }
    this.#renewInTime(token, line)
    const ending = await this.options.transport.follow(token, this.#saved.cursor, take, line.signal)
    clearTimeout(this.#renewing)
    await handled
    return ending
  }

  async #take(event: FeedEvent): Promise<void> {
    switch (event.__typename) {
      case 'AlertRaised': {
        const known = this.#saved.known.includes(event.alert.id)
        await this.options.onAlert(event.alert, !known)
        this.#remember(event.alert.id)
        this.#saved.untold.push(event.alert.id)
        this.#tellSoon()
        break
      }
      case 'AlertChanged':
        await this.options.onChange(event.alert)
        break
      case 'FeedGap':
        await this.options.onGap(event.reason)
        break
      case 'FeedCaughtUp':
        this.options.onCaughtUp?.()
    }
    this.#saved.cursor = event.cursor
    await this.options.save(this.#saved)
  }

  #remember(alertId: string): void {
    if (!this.#saved.known.includes(alertId)) this.#saved.known.push(alertId)
    this.#saved.known.splice(0, this.#saved.known.length - KNOWN_MAX)
  }

  /** Full jitter: anything from nothing to the bound, so that phones cut off together do not come back together. */
  async #pauseBeforeNext(ending: Ending): Promise<void> {
    const { waitMs = 500, waitMsMax = 30_000 } = this.options
    const bound = Math.min(waitMsMax, waitMs * 2 ** this.#fruitless++)
    const least = ending.kind === 'LOST' ? (ending.waitMs ?? 0) : 0
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, least + Math.random() * bound)
      this.#wake = () => (clearTimeout(timer), resolve())
    })
    this.#wake = null
  }

  #renewInTime(token: string, line: AbortController): void {
    clearTimeout(this.#renewing)
    const expiresAt = expiryOf(token)
    if (expiresAt === null) return
    const inMs = Math.max(RENEW_MS_MIN, expiresAt - Date.now() - (this.options.renewMs ?? 60_000))
    this.#renewing = setTimeout(() => void this.#renew(line), Math.min(inMs, TIMER_MS_MAX))
  }

  async #renew(line: AbortController): Promise<void> {
    try {
      const token = await this.options.accessToken(true)
      if (line.signal.aborted) return
      if (!this.options.transport.renew) return line.abort() // the next line has the new token
      this.options.transport.renew(token)
      this.#renewInTime(token, line)
    } catch {
      // Signed out: the line ends when its token does, and the next one is not begun.
    }
  }

  /** Tells DELIVERED of what came, several at once; what could not be told is told later, after a restart too. */
  #tellSoon(): void {
    if (this.#saved.untold.length) this.#telling ??= setTimeout(() => void this.#tell(), TELL_AFTER_MS)
  }

  async #tell(): Promise<void> {
    const ids = this.#saved.untold.slice(0, TOLD_AT_ONCE_MAX)
    try {
      const response = await fetch(this.options.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${await this.options.accessToken(false)}`,
        },
        body: JSON.stringify({
          query: ACKNOWLEDGE_DELIVERY,
          variables: { ids, ...(this.options.deviceId && { deviceId: this.options.deviceId }) },
        }),
        signal: AbortSignal.timeout(TELL_MS_MAX),
      })
      const answer = (await response.json()) as { data?: unknown }
      if (answer.data) {
        this.#saved.untold = this.#saved.untold.filter((id) => !ids.includes(id))
        await this.options.save(this.#saved)
      }
    } catch {
      // Not told: with the next event, or the next line.
    }
    this.#telling = undefined
    if (this.#saved.untold.length && this.#wanted) {
      this.#telling = setTimeout(() => void this.#tell(), (this.options.waitMs ?? 500) * (1 + Math.random()))
    }
  }

  #end(reason: string): void {
    this.#wanted = false
    this.options.onEnd(reason)
  }
}

/** Reads a token's expiry in ms; null where it is not a JWT with one. It is not verified here: the gateway does that. */
export function expiryOf(token: string): number | null {
  try {
    const payload = token.split('.')[1]?.replace(/-/g, '+').replace(/_/g, '/') ?? ''
    const { exp } = JSON.parse(atob(payload)) as { exp?: unknown }
    return typeof exp === 'number' ? exp * 1000 : null
  } catch {
    return null
  }
}
