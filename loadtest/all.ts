// All lessons in one run, for `make loadtest`: first the proofs, then the load.

import { matrix, matrixScenario, matrixThresholds } from './1-matrix.ts'
import { logout, logoutScenario, logoutThresholds } from './2-logout.ts'
import { load, loadScenario, loadThresholds } from './3-load.ts'
import { endOwnSessions } from './lib/own-sessions.ts'
import { report } from './lib/report.ts'
import { connection, settings } from './lib/settings.ts'

// k6 looks up the function of a scenario in this module's exports.
export { load, logout, matrix }

const PROOF_SECONDS = 20

export const options = {
  ...connection,
  scenarios: {
    matrix: { ...matrixScenario, maxDuration: `${PROOF_SECONDS}s` },
    logout: { ...logoutScenario, maxDuration: `${PROOF_SECONDS}s` },
    load: { ...loadScenario, startTime: '5s' },
  },
  thresholds: { ...matrixThresholds, ...logoutThresholds, ...loadThresholds, checks: ['rate==1'] },
}

export const teardown = endOwnSessions
export const handleSummary = report({ name: 'all', parts: ['matrix', 'logout', 'load'], settings })
