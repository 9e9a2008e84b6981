/*
 * A set of uids that counts how many are distinct.  Not locked.
 */
#ifndef STANDIN_HEC_UIDS_H
#define STANDIN_HEC_UIDS_H

#include "batch.h"

struct uids {
	struct uid *slots; /* open addressing; {0,0} is empty */
	size_t slot_count; /* a power of two, or 0 */
	size_t distinct;
	size_t repeated;
	size_t without;
};

void uids_add(struct uids *uids, struct uid uid);
void uids_free(struct uids *uids);

#endif
