#include "store/index/index_record.h"

#include "core/base/number.h"

enum {
    ACCOUNT_VERSION = 2, /* 1: zeros from byte 40 on */
    MAILBOX_VERSION = 2, /* 1: zeros from byte 88 on */
    MESSAGE_VERSION = 1,
    BODY_VERSION = 1,
    INBOX_NUMBER = 1,       /* what it was in version 1 */
    RECORD_HEAD_BYTES = 48, /* header of a record in the log (store/README.md) */
};

/*
 * account: 0 version u8 | 4 next mailbox u32 | 8 modseq u64 | 16 uid_validity_high u32
 *          | 20 keyword_count u32 | 24 change_floor u64 | 32 change_count u32 | 36 mailbox_count
 * u32 | 40 inbox u32 | 44 subscription_count u32 | 48 has_folders u8 | 49 zero[15] | 64 name
 */
size_t record_account_write(char *at, const struct index_account *a)
{
    memset(at, 0, RECORD_ACCOUNT_LEN);
    at[0] = ACCOUNT_VERSION;
    number_put32(at + 4, a->next_mailbox);
    number_put64(at + 8, a->modseq);
    number_put32(at + 16, a->uid_validity_high);
    number_put32(at + 20, a->keyword_count);
    number_put64(at + 24, a->change_floor);
    number_put32(at + 32, a->change_count);
    number_put32(at + 36, a->mailbox_count);
    number_put32(at + 40, a->inbox);
    number_put32(at + 44, a->subscription_count);
    at[48] = (char)a->has_folders;
    memcpy(at + RECORD_ACCOUNT_LEN, a->name, a->name_len);
    return RECORD_ACCOUNT_LEN + a->name_len;
}

bool record_account_read(struct span v, struct index_account *a)
{
    if (v.len < RECORD_ACCOUNT_LEN || v.len > RECORD_ACCOUNT_MAX ||
        (v.at[0] != 1 && v.at[0] != ACCOUNT_VERSION))
        return false;
    a->next_mailbox = number_get32(v.at + 4);
    a->modseq = number_get64(v.at + 8);
    a->uid_validity_high = number_get32(v.at + 16);
    a->keyword_count = number_get32(v.at + 20);
    a->change_floor = number_get64(v.at + 24);
    a->change_count = number_get32(v.at + 32);
    a->mailbox_count = number_get32(v.at + 36);
    a->inbox = v.at[0] == 1 ? INBOX_NUMBER : number_get32(v.at + 40);
    a->subscription_count = number_get32(v.at + 44);
    a->has_folders = v.at[48] != 0;
    a->name_len = (uint32_t)(v.len - RECORD_ACCOUNT_LEN);
    memcpy(a->name, v.at + RECORD_ACCOUNT_LEN, a->name_len);
    return a->keyword_count <= STORE_KEYWORDS_MAX;
}

/*
 * mailbox: 0 version u8 | 4 uid_validity u32 | 8 uid_next u32 | 12 messages u32 | 16 unseen u32
 *          | 20 deleted u32 | 24 unseen_from u32 | 28 recent_from u32 | 32 bytes u64 | 40 modseq
 * u64 | 48 vanish_floor u64 | 56 vanish_count u32 | 60 zero u32 | 64 keywords u64 | 72 created_us
 * i64 | 80 created_modseq u64 | 88 uses u32 | 92 is_deleted u8 | 93 zero[67] | 160 name
 */
size_t record_mailbox_write(char *at, const struct index_mailbox *m)
{
    memset(at, 0, RECORD_MAILBOX_LEN);
    at[0] = MAILBOX_VERSION;
    number_put32(at + 4, m->uid_validity);
    number_put32(at + 8, m->uid_next);
    number_put32(at + 12, m->messages);
    number_put32(at + 16, m->unseen);
    number_put32(at + 20, m->deleted);
    number_put32(at + 24, m->unseen_from);
    number_put32(at + 28, m->recent_from);
    number_put64(at + 32, m->bytes);
    number_put64(at + 40, m->modseq);
    number_put64(at + 48, m->vanish_floor);
    number_put32(at + 56, m->vanish_count);
    number_put64(at + 64, m->keywords);
    number_put64(at + 72, (uint64_t)m->created_us);
    number_put64(at + 80, m->created_modseq);
    number_put32(at + 88, m->uses);
    at[92] = (char)m->is_deleted;
    memcpy(at + RECORD_MAILBOX_LEN, m->name, m->name_len);
    return RECORD_MAILBOX_LEN + m->name_len;
}

bool record_mailbox_read(struct span v, struct index_mailbox *m)
{
    if (v.len <= RECORD_MAILBOX_LEN || v.len > RECORD_MAILBOX_MAX ||
        (v.at[0] != 1 && v.at[0] != MAILBOX_VERSION))
        return false;
    m->uid_validity = number_get32(v.at + 4);
    m->uid_next = number_get32(v.at + 8);
    m->messages = number_get32(v.at + 12);
    m->unseen = number_get32(v.at + 16);
    m->deleted = number_get32(v.at + 20);
    m->unseen_from = number_get32(v.at + 24);
    m->recent_from = number_get32(v.at + 28);
    m->bytes = number_get64(v.at + 32);
    m->modseq = number_get64(v.at + 40);
    m->vanish_floor = number_get64(v.at + 48);
    m->vanish_count = number_get32(v.at + 56);
    m->keywords = number_get64(v.at + 64);
    m->created_us = (int64_t)number_get64(v.at + 72);
    m->created_modseq = number_get64(v.at + 80);
    m->uses = number_get32(v.at + 88);
    m->is_deleted = v.at[92] != 0;
    m->name_len = (uint32_t)(v.len - RECORD_MAILBOX_LEN);
    memcpy(m->name, v.at + RECORD_MAILBOX_LEN, m->name_len);
    return true;
}

/*
 * message: 0 uid u32 | 4 size u32 | 8 modseq u64 | 16 message u64 | 24 keywords u64 | 32 flags u32
 *          | 36 saved_s u32 | 40 received_us i64 | 48 zone_minutes i16 | 50 target u16
 *          | 52 header_len u32 | 56 version u8 | 57 zero[7]
 */
size_t record_message_write(char *at, const struct store_entry *e)
{
    number_put32(at, e->uid);
    number_put32(at + 4, e->size);
    number_put64(at + 8, e->modseq);
    number_put64(at + 16, e->message);
    number_put64(at + 24, e->keywords);
    number_put32(at + 32, e->flags);
    number_put32(at + 36, (uint32_t)e->saved_s);
    number_put64(at + 40, (uint64_t)e->received_us);
    number_put16(at + 48, (uint16_t)e->zone_minutes);
    number_put16(at + 50, e->target);
    number_put32(at + 52, e->header_len);
    number_put64(at + 56, MESSAGE_VERSION);
    return RECORD_MESSAGE_LEN;
}

bool record_message_read(struct span v, struct store_entry *e)
{
    if (v.len != RECORD_MESSAGE_LEN || v.at[56] != MESSAGE_VERSION)
        return false;
    e->uid = number_get32(v.at);
    e->size = number_get32(v.at + 4);
    e->modseq = number_get64(v.at + 8);
    e->message = number_get64(v.at + 16);
    e->keywords = number_get64(v.at + 24);
    e->flags = number_get32(v.at + 32);
    e->saved_s = number_get32(v.at + 36);
    e->received_us = (int64_t)number_get64(v.at + 40);
    e->zone_minutes = (int16_t)number_get16(v.at + 48);
    e->target = number_get16(v.at + 50);
    e->header_len = number_get32(v.at + 52);
    return true;
}

/*
 * body: 0 version u8 | 4 references u32 | 8 segment u64 | 16 big_id u64 | 24 body_at u32
 *       | 28 body_len u32 | 32 args_at u32 | 36 args_len u32 | 40 meta_at u32 | 44 meta_len u32
 *       | 48 body_crc u32 | 52 meta_crc u32 | 56 zero[8]
 */
size_t record_body_write(char *at, const struct index_body *b)
{
    memset(at, 0, RECORD_BODY_LEN);
    at[0] = BODY_VERSION;
    number_put32(at + 4, b->references);
    number_put64(at + 8, b->place.segment);
    number_put64(at + 16, b->place.big_id);
    number_put32(at + 24, b->place.body_at);
    number_put32(at + 28, b->place.body_len);
    number_put32(at + 32, b->place.args_at);
    number_put32(at + 36, b->place.args_len);
    number_put32(at + 40, b->place.meta_at);
    number_put32(at + 44, b->place.meta_len);
    number_put32(at + 48, b->place.body_crc);
    number_put32(at + 52, b->place.meta_crc);
    return RECORD_BODY_LEN;
}

bool record_body_read(struct span v, struct index_body *b)
{
    if (v.len != RECORD_BODY_LEN || v.at[0] != BODY_VERSION)
        return false;
    b->references = number_get32(v.at + 4);
    b->place.segment = number_get64(v.at + 8);
    b->place.big_id = number_get64(v.at + 16);
    b->place.body_at = number_get32(v.at + 24);
    b->place.body_len = number_get32(v.at + 28);
    b->place.args_at = number_get32(v.at + 32);
    b->place.args_len = number_get32(v.at + 36);
    b->place.meta_at = number_get32(v.at + 40);
    b->place.meta_len = number_get32(v.at + 44);
    b->place.body_crc = number_get32(v.at + 48);
    b->place.meta_crc = number_get32(v.at + 52);
    return true;
}

size_t record_mark_write(char *at, const struct journal_mark *mark)
{
    number_put64(at, mark->lsn);
    number_put64(at + 8, mark->seq);
    number_put32(at + 16, mark->hcrc);
    return RECORD_MARK_LEN;
}

bool record_mark_read(struct span v, struct journal_mark *mark)
{
    if (v.len < RECORD_MARK_LEN)
        return false;
    mark->lsn = number_get64(v.at);
    mark->seq = number_get64(v.at + 8);
    mark->hcrc = number_get32(v.at + 16);
    return true;
}

uint64_t record_body_bytes(const struct index_body *b)
{
    uint64_t body = b->place.big_id ? 0 : b->place.body_len;

    return RECORD_HEAD_BYTES + body + b->place.args_len + b->place.meta_len;
}
