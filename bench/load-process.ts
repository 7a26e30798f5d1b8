import { answerJobs } from './child.js'
import { runLoad } from './load.js'

/** The process that loads servers. */
answerJobs(runLoad)
