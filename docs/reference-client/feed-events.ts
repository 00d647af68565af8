// What the feed says, as the reference client asks for it. Select `cursor` in every branch, or there is nothing to resume from.

export interface Alert {
  id: string
  title: string
  body: string
  severity: 'INFO' | 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL'
  state: string
  occurredAt: string
}

export type FeedEvent =
  | { __typename: 'AlertRaised'; cursor: string; alert: Alert }
  | { __typename: 'AlertChanged'; cursor: string; alert: Pick<Alert, 'id' | 'state'> }
  | { __typename: 'FeedCaughtUp'; cursor: string }
  | { __typename: 'FeedGap'; cursor: string; reason: string; resumesAt: string | null }

export const ALERT_FEED = `subscription AlertFeed($after: FeedCursor) {
  alertFeed(after: $after) {
    __typename
    ... on AlertRaised { cursor alert { id title body severity state occurredAt } }
    ... on AlertChanged { cursor alert { id state } }
    ... on FeedCaughtUp { cursor }
    ... on FeedGap { cursor reason resumesAt }
  }
}`

export const ACKNOWLEDGE_DELIVERY = `mutation AcknowledgeDelivery($ids: [ID!]!, $deviceId: ID) {
  acknowledgeDelivery(ids: $ids, stage: DELIVERED, deviceId: $deviceId) { __typename }
}`

/** One answer of GraphQL over HTTP, SSE or WebSocket. */
export interface Answer {
  data?: { alertFeed?: FeedEvent } | null
  errors?: readonly { message: string; extensions?: Record<string, unknown> }[]
}

/** Why a line ended, and what is to be done about it. */
export type Ending =
  | { kind: 'LOST'; waitMs?: number } // come back, not before `waitMs`
  | { kind: 'TOKEN' } // come back with a fresh token
  | { kind: 'CURSOR' } // the cursor is not accepted: read the list, begin from now
  | { kind: 'REFUSED'; reason: string } // do not come back: the app itself must change

const PASSING = new Set([
  'UNAVAILABLE', 'TIMED_OUT', 'OVERLOADED', 'RATE_LIMITED', 'TOO_MANY_CONNECTIONS', 'TOO_MANY_OPERATIONS', 'INTERNAL',
  'DRAINING',
])

/** Decides by the code of the first error, never by its text. */
export function endingOf(errors: NonNullable<Answer['errors']>): Ending {
  const { code, retryAfter } = errors[0]?.extensions ?? {}
  if (code === 'UNAUTHENTICATED') return { kind: 'TOKEN' }
  if (code === 'BAD_CURSOR') return { kind: 'CURSOR' }
  const passing = typeof code === 'string' && (PASSING.has(code) || /^(STORAGE|AUDIT)_/.test(code))
  if (!passing) return { kind: 'REFUSED', reason: String(code ?? errors[0]?.message) }
  return { kind: 'LOST', ...(typeof retryAfter === 'number' && { waitMs: retryAfter * 1000 }) }
}

/** One line to the gateway. `follow` calls `onEvent` for each event in order, and ends with why it ended; it never throws. */
export interface Transport {
  follow(token: string, after: string | null, onEvent: (event: FeedEvent) => void, line: AbortSignal): Promise<Ending>
  /** Renews the token without a new line, where the transport can; else the client makes a new one. */
  renew?(token: string): void
}
