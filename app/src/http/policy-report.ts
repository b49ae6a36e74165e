import { z } from 'zod'

/** Reports of other kinds, such as `deprecation`, are accepted and not logged. */
const KINDS = new Set(['csp-violation', 'permissions-policy-violation', 'coep', 'coop'])
const MAX_REPORTS = 10
const MAX_LENGTH = 128
const WORD = /^[a-z][a-z-]{0,63}$/
const OTHER = '(other)'

/** Browsers leave fields out. A field of another type counts as left out, so the rest is still logged. */
const text = z.string().optional().catch(undefined)
const number = z.int().nonnegative().optional().catch(undefined)

/** https://www.w3.org/TR/reporting-1/#media-type, with the body fields of all kinds. */
const reports = z.array(
  z.object({
    type: z.string(),
    url: text,
    body: z
      .object({
        effectiveDirective: text,
        featureId: text,
        policyId: text,
        type: text,
        blockedURL: text,
        sourceFile: text,
        lineNumber: number,
      })
      .nullish(),
  }),
)

/** https://www.w3.org/TR/CSP3/#deprecated-serialize-violation */
const cspReport = z
  .object({
    'csp-report': z.object({
      'document-uri': text,
      'effective-directive': text,
      'blocked-uri': text,
      'source-file': text,
      'line-number': number,
    }),
  })
  .transform(({ 'csp-report': old }) => {
    const body = { effectiveDirective: old['effective-directive'], blockedURL: old['blocked-uri'] }
    const source = { sourceFile: old['source-file'], lineNumber: old['line-number'] }
    return [{ type: 'csp-violation', url: old['document-uri'], body: { ...body, ...source } }]
  })

/** The violations in the reports of one request, at most ten, in either of the two forms. */
export const policyReports = z.union([cspReport, reports]).transform((all) =>
  all
    .filter(({ type }) => KINDS.has(type))
    .slice(0, MAX_REPORTS)
    .map(toViolation),
)

/** What is logged of a report. Whole addresses, samples of code and the policy itself can hold a secret, and are left out. */
function toViolation({ type, url: page, body }: z.output<typeof reports>[number]) {
  const rule = body?.effectiveDirective ?? body?.featureId ?? body?.policyId ?? body?.type
  const { blockedURL: blocked, sourceFile: source, lineNumber: line } = body ?? {}
  return {
    kind: type,
    /** The directive, the feature or the rule that was violated. */
    rule: rule && (WORD.test(rule) ? rule : OTHER),
    /** A word such as `inline`, or an origin. */
    blocked: blocked && (WORD.test(blocked) ? blocked : originOf(blocked)),
    /** A path. */
    page: page && pathOf(page),
    /** The path of the script, or only its origin if it is not that of the page. */
    source: source && (originOf(source) === originOf(page ?? '') ? pathOf(source) : originOf(source)),
    line,
  }
}

/** 'https://example.org:8080', or 'data:' for an address without a host. */
function originOf(address: string): string {
  if (!URL.canParse(address)) return OTHER
  const { origin, protocol } = new URL(address)
  return (origin === 'null' ? protocol : origin).slice(0, MAX_LENGTH)
}

const pathOf = (address: string) => (URL.canParse(address) ? new URL(address).pathname.slice(0, MAX_LENGTH) : OTHER)
