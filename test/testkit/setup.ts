import 'reflect-metadata'
import { afterAll } from 'vitest'
import { cleanUps } from './clean-ups.js'

afterAll(async () => {
  for (const cleanUp of cleanUps) await cleanUp()
})
