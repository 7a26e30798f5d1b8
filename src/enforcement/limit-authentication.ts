import { AppError } from '../core/contract/errors.js'
import type { RateLimiter } from '../core/contract/limiter.js'
import type { Authenticator } from './authenticate.js'

/**
 * An authenticator that refuses failures of one address unseen, with RATE_LIMITED, once there have been too many. A key that
 * works gets through all the same: whoever shares an address with somebody who fails must not be locked out, and a secret of
 * 190 bits needs no such protection.
 */
export function limitFailures(authenticator: Authenticator, limiter: Pick<RateLimiter, 'failAuthentication'>): Authenticator {
  return {
    authenticate(credentials, remoteAddress) {
      try {
        return authenticator.authenticate(credentials, remoteAddress)
      } catch (error) {
        const isFailure = error instanceof AppError && error.code === 'UNAUTHENTICATED'
        const retryAfterSeconds = isFailure && remoteAddress !== undefined ? limiter.failAuthentication(remoteAddress) : undefined
        if (retryAfterSeconds === undefined) throw error
        const message = 'Too many calls without a valid API key came from your address. Call with a valid key, or try again later.'
        throw new AppError('RATE_LIMITED', message, { retryAfterSeconds })
      }
    },
    isStillValid: (caller) => authenticator.isStillValid(caller),
  }
}
