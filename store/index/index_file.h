#ifndef STORE_INDEX_INDEX_FILE_H
#define STORE_INDEX_INDEX_FILE_H

/*
 * index_file: whether the index's file may be trusted, asked before LMDB maps it.
 *
 * LMDB has no checksums, and what it finds damaged it may only find by a signal. So a clean close
 * leaves a seal beside the file: its size and checksum. The next start compares them and breaks the
 * seal before anything is written, so that damage done while nobody had the index open is always
 * found. Without a seal (after a kill or a power cut) only the two header pages are looked at.
 */

#include <stdbool.h>

#include "core/base/attr.h"
#include "store/store.h"

/* The header pages: whether LMDB can work with them. STORE_NOT_FOUND: there is no file. */
MUST_USE enum store_status index_file_headers(const char *directory);

/* STORE_OK when the seal fits or there is none. */
MUST_USE enum store_status index_file_sealed(const char *directory);

/* Takes the seal off, durably. STORE_OK when there was none. */
MUST_USE enum store_status index_file_unseal(const char *directory);

/* After the index was closed in order. A seal that can't be written is none. */
void index_file_seal(const char *directory);

#endif
