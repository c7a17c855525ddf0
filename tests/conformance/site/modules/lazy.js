export const later = async () => (await import('./deep/er.js')).deep;
