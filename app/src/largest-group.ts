/**
 * The entries of the group that has the most, in their order. If there is one entry too many, this group loses one. So a
 * client with many entries takes no place from others.
 */
export function largestGroup<Entry>(entries: Iterable<Entry>, groupOf: (entry: Entry) => string): Entry[] {
  const groups = new Map<string, Entry[]>()
  let largest: Entry[] = []
  for (const entry of entries) {
    const name = groupOf(entry)
    const group = groups.get(name) ?? []
    if (group.push(entry) === 1) groups.set(name, group)
    if (group.length > largest.length) largest = group
  }
  return largest
}
