/*
 * Several files written to one directory, all or none.
 *
 * They are written and synced in a hidden directory of their own inside the
 * target ("DIR/.tp-certgen.XXXXXX", mode 0700), then renamed into place.
 * Whatever fails before the first rename leaves the target as it was; without
 * `is_forced` a later failure too, for what was put in place is taken back.
 * Contents are secrets: file_set_free() wipes them.
 *
 *	file_set_add() ... file_set_find_existing() ... file_set_write()
 */
#ifndef TP_CERTGEN_FILE_SET_H
#define TP_CERTGEN_FILE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/buffer.h"

enum { FILE_SET_MAX = 16, FILE_SET_NAME_BYTES = 80 };

struct file_set_entry {
	char name[FILE_SET_NAME_BYTES]; /* within the directory */
	mode_t mode;
	struct buffer contents;
};

/* A zeroed struct is an empty set. */
struct file_set {
	struct file_set_entry entries[FILE_SET_MAX];
	size_t count;
};

/*
 * An empty file "NAME" with `suffix`; the caller fills what is returned, which
 * lives as long as the set.
 */
struct buffer *file_set_add(struct file_set *set, const char *name,
    const char *suffix, mode_t mode);

/*
 * The first name that stands in the way in `directory`, or NULL: anything of
 * that name, or with `is_forced` what is not a regular file.
 */
const char *file_set_find_existing(const struct file_set *set,
    const char *directory, bool is_forced);

/*
 * Makes `directory` (mode 0700) where it is missing, and puts all in place;
 * `is_forced` replaces what is there.  Returns 0, or -1 with errno, and in
 * *step and *name what could not be done to which file.  SIGINT and SIGTERM
 * wait meanwhile: it takes a few syncs.
 */
int file_set_write(const struct file_set *set, const char *directory,
    bool is_forced, const char **step, const char **name);

void file_set_free(struct file_set *set);

#endif
