/*
 * Replace a file whole, durably: write aside in the same directory, fsync,
 * rename, fsync the directory.  Any crash leaves the old file or the new one.
 *
 * A failed fsync means "contents unknown": the old file stays and the caller
 * gives up; it is never retried and trusted.  Blocks; silent.
 */
#ifndef LIB_ATOMIC_FILE_H
#define LIB_ATOMIC_FILE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Makes `bytes` the contents of `name` in the directory `dir_fd`, mode `mode`;
 * "NAME.new" is used on the way.  Returns 0, or -1 with errno and, in *step,
 * the name of the call that failed.
 */
int atomic_file_replace(int dir_fd, const char *name, mode_t mode,
    const void *bytes, size_t len_bytes, const char **step);

#endif
