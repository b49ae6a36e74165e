import { z } from 'zod'

/** What is logged of a violation. Whole addresses, samples of code and the policy itself are left out. */
export interface Violation {
  kind: string
  /** The directive, the feature or the rule that was violated. */
  rule: string | undefined
  /** A word such as `inline`, or scheme, host and port of an address. */
  blocked: string | undefined
  /** The path of the page. */
  page: string | undefined
  /** The path of the script if it has the page's origin, otherwise its origin alone. */
  source: string | undefined
  line: number | undefined
}

/** Reports of other kinds, such as `deprecation`, are accepted and not logged. */
const KINDS = new Set(['csp-violation', 'permissions-policy-violation', 'coep', 'coop'])
const MOST_REPORTS = 10
const LONGEST = 128
const WORD = /^[a-z][a-z-]{0,63}$/
const OTHER = '(other)'

/** Browsers leave fields out. A field of another type counts as left out, so that the rest is logged. */
const text = z.string().optional().catch(undefined)
const number = z.int().nonnegative().optional().catch(undefined)

/** https://www.w3.org/TR/CSP3/#deprecated-serialize-violation */
const cspReport = z.object({
  'csp-report': z.object({
    'document-uri': text,
    'effective-directive': text,
    'blocked-uri': text,
    'source-file': text,
    'line-number': number,
  }),
})

/** https://www.w3.org/TR/reporting-1/#media-type, with the bodies of all kinds in one. */
const reportList = z.array(
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

/** The reports of one request, in either of the two forms, reduced to what is logged. At most ten are kept. */
export const policyReports = z.union([
  cspReport.transform(({ 'csp-report': report }) => [
    toViolation('csp-violation', {
      page: report['document-uri'],
      rule: report['effective-directive'],
      blocked: report['blocked-uri'],
      source: report['source-file'],
      line: report['line-number'],
    }),
  ]),
  reportList.transform((reports) =>
    reports
      .filter(({ type }) => KINDS.has(type))
      .slice(0, MOST_REPORTS)
      .map(({ type, url, body }) =>
        toViolation(type, {
          page: url,
          rule: body?.effectiveDirective ?? body?.featureId ?? body?.policyId ?? body?.type,
          blocked: body?.blockedURL,
          source: body?.sourceFile,
          line: body?.lineNumber,
        }),
      ),
  ),
])

function toViolation(kind: string, { page, rule, blocked, source, line }: Omit<Violation, 'kind'>): Violation {
  return {
    kind,
    rule: rule && (WORD.test(rule) ? rule : OTHER),
    blocked: blocked && (WORD.test(blocked) ? blocked : originOf(blocked)),
    page: page && pathOf(page),
    source: source && (originOf(source) === originOf(page ?? '') ? pathOf(source) : originOf(source)),
    line,
  }
}

/** An address without what may be secret in it: 'https://example.org:8080', or 'data:' where it has no host. */
function originOf(address: string): string {
  if (!URL.canParse(address)) return OTHER
  const { origin, protocol } = new URL(address)
  return (origin === 'null' ? protocol : origin).slice(0, LONGEST)
}

const pathOf = (address: string) => (URL.canParse(address) ? new URL(address).pathname.slice(0, LONGEST) : OTHER)
