/* Merge patches and marks over a state. */
#include "tp-cursor/fold.h"

#include <stdlib.h>

#include "lib/message.h"

struct fold {
	json_t *state;
	json_t *mark_path;
	json_t *one;    /* shared by all marks */
	json_t *marked; /* the object at mark_path; NULL: not looked up */
};

static void
must(int result)
{
	if (result == -1)
		die(EXIT_OS, "out of memory");
}

struct fold *
fold_new(json_t *state, json_t *mark_path)
{
	struct fold *fold = calloc(1, sizeof(*fold));
	json_t *one = json_integer(1);

	if (fold == NULL || one == NULL)
		die(EXIT_OS, "out of memory");
	*fold = (struct fold){ .state = json_incref(state),
		.mark_path = json_incref(mark_path),
		.one = one };
	return fold;
}

void
fold_free(struct fold *fold)
{
	if (fold == NULL)
		return;
	json_decref(fold->state);
	json_decref(fold->mark_path);
	json_decref(fold->one);
	free(fold);
}

json_t *
fold_state(const struct fold *fold)
{
	return fold->state;
}

static json_t *
find_marked(struct fold *fold)
{
	json_t *at = fold->state;
	json_t *name;
	size_t i;

	json_array_foreach(fold->mark_path, i, name)
	{
		const char *key = json_string_value(name);
		json_t *member = json_object_get(at, key);
		if (!json_is_object(member)) {
			member = json_object();
			must(json_object_set_new(at, key, member));
		}
		at = member;
	}
	return at;
}

void
fold_mark(struct fold *fold, const char *uid, size_t len_bytes)
{
	if (fold->marked == NULL)
		fold->marked = find_marked(fold);
	must(json_object_setn_nocheck(fold->marked, uid, len_bytes, fold->one));
}

json_t *
fold_merge(json_t *target, json_t *patch)
{
	const char *key;
	json_t *value;

	if (!json_is_object(patch)) {
		json_decref(target);
		return json_incref(patch);
	}
	if (!json_is_object(target)) {
		json_decref(target);
		target = json_object();
	}
	json_object_foreach(patch, key, value)
	{
		if (json_is_null(value))
			json_object_del(target, key); /* may be absent */
		else
			must(json_object_set_new(target, key,
			    fold_merge(json_incref(
					   json_object_get(target, key)),
				value)));
	}
	return target;
}

int
fold_patch(struct fold *fold, const char *text, size_t len_bytes)
{
	json_error_t error;
	json_t *patch =
	    json_loadb(text, len_bytes, JSON_REJECT_DUPLICATES, &error);

	if (!json_is_object(patch)) {
		json_decref(patch);
		return -1;
	}
	fold->state = fold_merge(fold->state, patch);
	fold->marked = NULL; /* it may have been replaced */
	json_decref(patch);
	return 0;
}
