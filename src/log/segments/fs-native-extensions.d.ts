declare module 'fs-native-extensions' {
  /** An exclusive lock on a whole file, for as long as it is open. @returns whether it was free */
  export function tryLock(fd: number): boolean;
}
