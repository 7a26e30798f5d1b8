import { Field, Float, Int, ObjectType } from 'type-graphql'
import type { QueryableDatabase } from '../../../core/database/database.js'

/** Most days that a history can have. */
export const MAX_DAYS = 366
const DAY_MS = 86_400_000

/** One day of runs. */
@ObjectType('SmokeDay', { simpleResolvers: true, description: 'The smoke tests of one day (UTC).' })
export class SmokeDay {
  @Field(() => String, { description: 'The day, such as "2026-11-24" (UTC).' })
  date!: string
  @Field(() => Int, { description: 'How many runs began on it; of one check: in how many it was run.' })
  runs!: number
  @Field(() => Int, { description: 'How many of them were not ok; of one check: in how many it failed.' })
  failedRuns!: number
  @Field(() => [String], { description: 'The checks that failed, blocking or not, by name.' })
  failedChecks!: readonly string[]
  @Field(() => Float, {
    nullable: true,
    description:
      'The time within which 95 of 100 runs ended, in milliseconds; of one check: within which it was answered. Null without any.',
  })
  p95Ms!: number | null
}

/** Whole runs, or what one check found in them: one row a run. */
const FACTS = `SELECT day, failed, ms, failures FROM (
    SELECT to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, NOT is_ok AS failed, duration_ms AS ms,
      ARRAY(SELECT c->>'name' FROM json_array_elements(results) c WHERE c->>'status' = 'FAILED') AS failures
    FROM smoke_test_runs WHERE started_at >= $1) runs WHERE $2::text IS NULL
  UNION ALL
  SELECT to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), c->>'status' = 'FAILED', (c->>'latencyMs')::float8,
    CASE WHEN c->>'status' = 'FAILED' THEN ARRAY[$2::text] ELSE ARRAY[]::text[] END
  FROM smoke_test_runs, json_array_elements(results) c
  WHERE started_at >= $1 AND c->>'name' = $2::text AND c->>'status' <> 'SKIPPED'`

/** The last so many days up to today, each of them, the oldest first; of one check where that is given. UNAVAILABLE while the database is away. */
export async function smokeHistory(
  database: QueryableDatabase,
  { days, check, now }: { readonly days: number; readonly check: string | null; readonly now: Date },
): Promise<SmokeDay[]> {
  const dates = Array.from({ length: days }, (_, index) => new Date(now.getTime() - (days - 1 - index) * DAY_MS).toISOString().slice(0, 10))
  const text = `SELECT day AS date, count(*)::int AS runs, (count(*) FILTER (WHERE failed))::int AS "failedRuns",
      percentile_disc(0.95) WITHIN GROUP (ORDER BY ms) AS "p95Ms",
      ARRAY(SELECT DISTINCT name FROM facts f, unnest(f.failures) name WHERE f.day = facts.day ORDER BY name) AS "failedChecks"
    FROM facts GROUP BY day`
  const { rows } = await database.ask<SmokeDay>(`WITH facts AS (${FACTS}) ${text}`, [`${dates[0]}T00:00:00Z`, check])
  const found = new Map(rows.map((day) => [day.date, day]))
  return dates.map((date) => found.get(date) ?? { date, runs: 0, failedRuns: 0, failedChecks: [], p95Ms: null })
}
