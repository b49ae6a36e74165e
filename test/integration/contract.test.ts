import { contract } from '../support/contract.ts'

contract({ keyForm: 'plain' })
