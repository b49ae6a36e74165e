import { contract } from '../lib/contract.ts'

contract({ keyForm: 'hashed' })
