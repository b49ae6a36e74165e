import { contract } from '../lib/contract.ts'

contract({}, { cacheEntries: 10_000 })
