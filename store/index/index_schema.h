#ifndef STORE_INDEX_INDEX_SCHEMA_H
#define STORE_INDEX_INDEX_SCHEMA_H

/*
 * index_schema: every database of the index, its keys, its values and what they mean.
 *
 * Numbers in keys are big-endian, so that they sort as numbers; values are little-endian records
 * with a version (index_record.h). Keys begin with their partition (account or mailbox), bodies and
 * segments with their place in the log. No database allows duplicates. Everything here can be made
 * again from the log (store_rebuild.c).
 *
 *   table  key                                value
 *   meta   text                               see INDEX_META_* below
 *   acct   'n' name                           account number u32: find by name
 *          'i' account u32                    record of the account, with its name
 *   kw     account u32, number u16            name of the keyword
 *   mbox   account u32, mailbox u32           record of the mailbox, with its name
 *   name   account u32, name ('/' as 0x01)    mailbox number u32: find by name, walk in name order;
 *                                             a long name: its first bytes, 0xFF, a hash of it
 *   msg    account u32, mailbox u32, uid u32  record of one message in one mailbox, 64 bytes
 *   van    account u32, mailbox u32,          uid_to u32: these UIDs vanished at this modseq or
 *          modseq u64, uid_from u32           before
 *   chg    account u32, modseq u64            what the changes up to this modseq and behind the row
 *                                             before touched: (mailbox u32, uid_from u32, uid_to
 *                                             u32)*, a hint, perhaps too much, never too little
 *   body   message u64                        where its bytes lie, and how many entries point at it
 *   seg    segment u64, 0 u64                 live bytes u64 in this segment of the log
 *          segment u64, message u64           empty: this message was moved here by compaction
 *   sub    account u32, name as in `name`     a subscription: version u8, then the name in full
 *   dead   account u32, mailbox u32           empty: a deleted mailbox that still holds messages
 *   q_msg  message u64                        envelope of a queued message
 *   q_rcpt message u64, number u32            record of a recipient who still waits
 *   q_due  due_us u64, message u64,           empty: this recipient is due then; one who is held
 * has number u32                         no such row
 */

enum index_table {
    INDEX_META,
    INDEX_ACCT,
    INDEX_KW,
    INDEX_MBOX,
    INDEX_NAME,
    INDEX_MSG,
    INDEX_VAN,
    INDEX_CHG,
    INDEX_BODY,
    INDEX_SEG,
    INDEX_SUB,
    INDEX_DEAD,
    INDEX_Q_MSG,
    INDEX_Q_RCPT,
    INDEX_Q_DUE,
    INDEX_TABLES, /* numbers are written into snapshots: never renumber */
};

enum {
    INDEX_FORMAT = 3,         /* of the whole; a higher one in the file is from a newer program */
    INDEX_KEY_MAX = 511,      /* LMDB's */
    INDEX_NAME_KEY_MAX = 480, /* bytes of a mailbox name that go into its key as they are */
};

/* Keys of the meta table and their values. */
#define INDEX_META_FORMAT   "format"  /* u32: INDEX_FORMAT */
#define INDEX_META_STORE    "store"   /* 16 bytes: the log's own id, so that no other's is taken */
#define INDEX_META_MARK     "mark"    /* lsn u64, seq u64, hcrc u32: applied up to here */
#define INDEX_META_ACCOUNTS "account" /* u32: number of the newest account */
#define INDEX_META_SNAPSHOT "snap"    /* two times: id u64, mark (newest complete snapshots) */
#define INDEX_META_FOLDERS                                                                         \
    "folders" /* mailboxes made with each account: the command's arguments                         \
               */

#endif
