/* Preloaded into clbench: kills it when it syncs the database's log or journal for the n-th time (CLB_TEST_KILL_AT_SYNC), that is inside a
   commit. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void strike(int fd) {
  static int left = 0;
  const char* when = getenv("CLB_TEST_KILL_AT_SYNC");
  char link[64], path[4096];
  if (when == NULL) return;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t n = readlink(link, path, sizeof path - 1);
  if (n < 0) return;
  path[n] = '\0';
  if (strstr(path, ".sqlite-wal") == NULL && strstr(path, ".sqlite-journal") == NULL) return;
  if (left == 0) left = atoi(when);
  if (--left == 0) kill(getpid(), SIGKILL);
}

int fsync(int fd) {
  int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  strike(fd);
  return next(fd);
}

int fdatasync(int fd) {
  int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  strike(fd);
  return next(fd);
}
