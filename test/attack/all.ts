import type { Attack } from './attack.ts'
import { crossSiteReads } from './cross-site-reads.ts'
import { lookAlikeCookie } from './look-alike-cookie.ts'

/** In the order of docs/threat-model.md. */
export const ATTACKS: readonly Attack[] = [lookAlikeCookie, crossSiteReads]
