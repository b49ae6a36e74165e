import { contract } from '../support/contract.ts'

contract({}, { cacheEntries: 10_000 })
