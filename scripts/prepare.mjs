// npm runs this after `npm ci` in a clone. Plain JavaScript: `npm ci --omit=dev` leaves out what the other scripts need.
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

function isInstalled(name) {
  try {
    require.resolve(`${name}/package.json`)
    return true
  } catch {
    return false
  }
}

if (['typescript', 'esbuild', 'tsx'].every(isInstalled)) {
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit', shell: true })
  process.exitCode = status ?? 1
} else {
  console.log('prepare: the dev dependencies are left out, so nothing is built; what `npm start` runs is the dist/ that is there')
}
