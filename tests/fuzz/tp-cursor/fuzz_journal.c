/*
 * Any bytes as a journal's records, folded: no crash; the offset is where the
 * records end; and the state stays an object.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/io.h"
#include "tp-cursor/fold.h"
#include "tp-cursor/journal_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes);

static int
fold_record(struct fold *fold, const struct journal_record *record)
{
	if (record->patch_len_bytes > 0)
		return fold_patch(fold, record->patch, record->patch_len_bytes);
	if (record->uid_len_bytes > 0)
		fold_mark(fold, record->uid, record->uid_len_bytes);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
	int fd = memfd_create("journal", MFD_CLOEXEC);
	json_t *state = json_object();
	json_t *path = json_pack("[s,s]", "search", "seen");
	struct fold *fold = fold_new(state, path);
	struct journal_record record;

	json_decref(state);
	json_decref(path);
	if (fd == -1 || io_write_all(fd, bytes, len_bytes) == -1)
		abort();
	struct journal_reader *reader = journal_reader_new(fd, 0);
	while (journal_reader_peek(reader, &record) == JOURNAL_RECORD &&
	       fold_record(fold, &record) == 0) {
		journal_reader_advance(reader);
		int64_t offset = journal_reader_offset(reader);
		if (offset < 1 || offset > (int64_t)len_bytes ||
		    bytes[offset - 1] != '\n')
			abort();
	}
	if (!json_is_object(fold_state(fold)))
		abort();
	journal_reader_free(reader);
	fold_free(fold);
	close(fd);
	return 0;
}
