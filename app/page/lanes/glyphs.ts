import type { MarkKind } from './record.ts'

/** How a kind of mark looks. Shape and colour both differ, because not everybody sees colours. */
export interface Glyph {
  /** SVG path data around 0,0, at most 12 wide and high. */
  path: string
  /** A custom property of the style sheet. */
  color: '--dim' | '--accent' | '--origin' | '--alarm'
  /** Above or below the line of the lane, so a login does not hide the end of the session that it replaces. */
  dy?: number
  /** An outline instead of a filled shape. */
  isOutline?: true
  /** In the legend. Without it: not in the legend. */
  name?: string
}

const TICK = 'M-1.25-8H1.25V8H-1.25Z'
const CROSS = 'M-5-5L5 5M-5 5L5-5'

export const GLYPHS: Record<MarkKind, Glyph> = {
  plain: { path: 'M-1-4H1V4H-1Z', color: '--dim', name: 'no session read' },
  honoured: { path: TICK, color: '--accent', name: 'honoured' },
  rejected: { path: 'M-1.5-10H1.5V10H-1.5ZM-5-10H5V-7H-5Z', color: '--alarm', name: 'rejected' },
  failed: { path: 'M-1.5-10H1.5V-2.5H-1.5ZM-1.5 2.5H1.5V10H-1.5Z', color: '--alarm', name: 'failed' },
  read: { path: 'M-1-4H1V4H-1Z', color: '--accent' },
  created: { path: 'M0-7L7 0L0 7L-7 0Z', color: '--origin', name: 'created' },
  renewed: {
    path: 'M-4.5 0A4.5 4.5 0 1 0 4.5 0A4.5 4.5 0 1 0-4.5 0Z',
    color: '--accent',
    isOutline: true,
    name: 'renewed',
  },
  rotated: { path: 'M0-6L6 0L0 6L-6 0Z', color: '--origin', isOutline: true, name: 'rotated' },
  ended: { path: 'M-4-4H4V4H-4Z', color: '--alarm', dy: 9, name: 'revoked or ended' },
  joined: { path: 'M-6 5L0-6L6 5Z', color: '--accent', name: 'started' },
  draining: { path: 'M-6-5L0 6L6-5Z', color: '--origin', name: 'drained' },
  left: { path: 'M-6-5L0 6L6-5Z', color: '--dim', isOutline: true, name: 'left' },
  died: { path: CROSS, color: '--alarm', isOutline: true, name: 'died' },
  failedOver: { path: 'M-6-6L0 0L-6 6M0-6L6 0L0 6', color: '--origin', isOutline: true, name: 'failed over' },
}
