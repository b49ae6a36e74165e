import { contract } from '../support/contract.ts'

// With seals too, as in Compose.
contract({ keyForm: 'hashed', sealKeys: ['a key of this test, and of nothing else'] })
