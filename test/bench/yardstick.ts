// A node of bare Express without sessions, which gives the same answer as all others: the yardstick of make bench. Nothing of
// this project is in it, so two measurements of it differ only if the machine does.

import { readConfig } from 'app/config'
import express from 'express'

const { port, host, hostName } = readConfig(process.env)
const at = '2026-01-01T00:00:00.000Z'
const facts = { createdOn: 'app-1', createdAt: at, rotatedAt: null, expiresAt: at, absoluteExpiresAt: at }

const app = express()
app.get('/api/user', (_req, res) => {
  const user = { username: 'ada', displayName: 'Ada Lovelace' }
  res.json({ user, session: { id: 'AAAAAAAAAAAAAAAAAAAAAA', ...facts, keyHint: 'session:AAAAAA' }, servedBy: hostName })
})
// For the health checks of the containers.
app.get('/readyz', (_req, res) => {
  res.sendStatus(200)
})
app.listen(port, host)
