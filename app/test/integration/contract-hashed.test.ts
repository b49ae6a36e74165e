import { contract } from '../lib/contract.ts'

// Sealed as well, as in Compose.
contract({ keyForm: 'hashed', sealKeys: ['a key of this test, and of nothing else'] })
