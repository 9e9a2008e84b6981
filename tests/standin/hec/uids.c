/*
 * A set of uids.
 */
#include "uids.h"

#include <stdlib.h>
#include <sysexits.h>

#include "../say.h"

/* The slot that holds `uid`, or the empty one where it belongs. */
static struct uid *
find_slot(const struct uids *uids, struct uid uid)
{
	size_t at = (uid.a ^ (uid.a >> 32)) & (uids->slot_count - 1);

	while (uids->slots[at].b != 0 &&
	       (uids->slots[at].a != uid.a || uids->slots[at].b != uid.b))
		at = (at + 1) & (uids->slot_count - 1);
	return &uids->slots[at];
}

static void
grow(struct uids *uids)
{
	struct uids old = *uids;

	uids->slot_count = old.slot_count ? old.slot_count * 2 : 4096;
	uids->slots = calloc(uids->slot_count, sizeof *uids->slots);
	if (uids->slots == NULL)
		die(EX_OSERR, "memory: %zu uids refused", uids->slot_count);
	for (size_t i = 0; i < old.slot_count; i++)
		if (old.slots[i].b != 0)
			*find_slot(uids, old.slots[i]) = old.slots[i];
	free(old.slots);
}

void
uids_add(struct uids *uids, struct uid uid)
{
	struct uid *slot;

	if (uid.b == 0) {
		uids->without++;
		return;
	}
	if (uids->distinct * 2 >= uids->slot_count)
		grow(uids);
	slot = find_slot(uids, uid);
	if (slot->b != 0) {
		uids->repeated++;
		return;
	}
	*slot = uid;
	uids->distinct++;
}

void
uids_free(struct uids *uids)
{
	free(uids->slots);
	*uids = (struct uids){ 0 };
}
