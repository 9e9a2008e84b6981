/*
 * A receiver's trouble in words: what it said, what to do about it, and what
 * is waiting meanwhile.
 */
#ifndef TP_HEC_COMPLAINT_H
#define TP_HEC_COMPLAINT_H

#include <stddef.h>
#include <stdint.h>

#include "tp-hec/receiver.h"

struct verdict;

/* "403 Invalid token (code 4)"; `status` 0: no reply, the text is libcurl's. */
void complaint_phrase(const struct verdict *verdict, int status, char *text,
    size_t text_bytes);

/* Which troubles are the same one, for lib/notice.h. */
uint64_t
complaint_key(enum trouble trouble, const struct verdict *verdict, int status);

/* Prints the line: receiver, phrase, advice, pause, lines held. */
void
complaint_say(const struct receiver *receiver, const struct verdict *verdict,
    int status, int64_t pause_ms, uint64_t held_lines);

/* The same without anything being held or tried again. */
void complaint_say_plainly(const struct receiver *receiver,
    enum trouble trouble, const struct verdict *verdict, int status);

/* `number` with commas between thousands; returns `text`. */
char *complaint_count(uint64_t number, char text[32]);

#endif
