// Loaded into the measured server before its own code: collects garbage whenever it is told to, by a signal that means nothing else.
process.on('SIGWINCH', () => globalThis.gc?.())
