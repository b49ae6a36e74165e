import type { Account } from './account.ts'
import { element, onClick } from './dom.ts'
import type { Proof } from './proof.ts'
import type { Visit } from './visit.ts'

interface Parts {
  account: Account
  proof: Proof
  visit: Visit
}

/** The buttons below the map, for a user who is logged in. */
export function connectActions({ account, proof, visit }: Parts): void {
  onClick('ask', async () => void (await account.whoAmI()))
  onClick('prove', () => proof.fillRow(3))
  onClick('prove-all', () => proof.fillAll())
  onClick('logout', async () => {
    await account.logOut()
    if (!visit.session) element('demo-accounts').querySelector('button')?.focus()
  })
}
