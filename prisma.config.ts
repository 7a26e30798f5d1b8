import { defineConfig } from 'prisma/config'

// `generate`, `validate` and `format` never run the native schema engine, yet fetch it. Naming any existing
// executable stops the download; `prisma migrate` is left alone, so that it gets the real engine.
if (['generate', 'validate', 'format'].some((command) => process.argv.includes(command))) {
  process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= process.execPath
}

export default defineConfig({
  schema: 'prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: process.env['DATABASE_URL'] ?? 'postgresql://localhost:5432/valhalla' },
})
