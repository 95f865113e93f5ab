/** The first line of what the YAML parser complains of, in words for who wrote the file. */
export function describeYamlError(error: unknown): string {
  const [first = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  return first.replace(/; please use YAML\.parseAllDocuments\(\)/, ', one is allowed').replace(/:$/, '');
}
