let count = 0;
export const shared = { name: 'shared', next: () => (count += 1) };
