// Where in the folder's own code something happened.
import type { Problem } from './report.ts';

/** The first line of a stack that lies in the folder's own code: where the person has to look. */
export function placeOf(stack: string, folder: string): Pick<Problem, 'file' | 'line' | 'column'> | null {
  for (const line of stack.split('\n')) {
    const match = /(?:\(|at |^)(?:file:\/\/)?(\/[^()]*?):(\d+):(\d+)\)?$/.exec(line.trim());
    const path = match?.[1];
    if (path === undefined || !path.startsWith(`${folder}/`) || path.includes('/node_modules/')) continue;
    return { file: path.slice(folder.length + 1), line: Number(match?.[2]), column: Number(match?.[3]) };
  }
  return null;
}
