#include "proto/smtp/smtp_answer.h"

#include "core/base/ensure.h"

/* In the order of the enum. */
static const struct smtp_answer_row smtp_answer_rows[SMTP_ANSWERS] = {
    {SMTP_ANSWER_NONE,         250, "",      ""                                                                },

    {SMTP_OK,                  250, "2.0.0", "Ok"                                                              },
    {SMTP_OK_MAIL,             250, "2.1.0", "Ok"                                                              },
    {SMTP_OK_RCPT,             250, "2.1.5", "Ok"                                                              },
    {SMTP_GO_DATA,             354, "",      "End data with <CR><LF>.<CR><LF>"                                 },
    {SMTP_HELP,                214, "2.0.0", "Commands: HELO EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY ETRN QUIT"},
    {SMTP_BYE,                 221, "2.0.0", "Bye"                                                             },
    {SMTP_CANNOT_VRFY,         252, "2.0.0", "%"                                                               },
    {SMTP_QUEUED,              250, "2.0.0", "Ok: queued as %"                                                 },
    {SMTP_OK_BYTES,            250, "2.0.0", "Ok: %"                                                           },

    {SMTP_SYNTAX_HELO,         501, "",      "Syntax: HELO hostname"                                           },
    {SMTP_SYNTAX_EHLO,         501, "",      "Syntax: EHLO hostname"                                           },
    {SMTP_SYNTAX_LHLO,         501, "",      "Syntax: LHLO hostname"                                           },
    {SMTP_SYNTAX_MAIL,         501, "5.5.4", "Syntax: MAIL FROM:<address>"                                     },
    {SMTP_SYNTAX_RCPT,         501, "5.5.4", "Syntax: RCPT TO:<address>"                                       },
    {SMTP_SYNTAX_DATA,         501, "5.5.4", "Syntax: DATA"                                                    },
    {SMTP_SYNTAX_BDAT,         521, "5.5.4", "Syntax: BDAT count [LAST]"                                       },
    {SMTP_SYNTAX_RSET,         501, "5.5.4", "Syntax: RSET"                                                    },
    {SMTP_SYNTAX_QUIT,         501, "5.5.4", "Syntax: QUIT"                                                    },
    {SMTP_SYNTAX_VRFY,         501, "5.5.4", "Syntax: VRFY address"                                            },
    {SMTP_SYNTAX_ETRN,         500, "",      "Syntax: ETRN domain"                                             },
    {SMTP_SYNTAX_XCLIENT,      501, "5.5.4", "Syntax: XCLIENT attribute=value..."                              },
    {SMTP_BAD_ETRN,            501, "",      "Error: invalid parameter syntax"                                 },
    {SMTP_BAD_SENDER,          501, "5.1.7", "Bad sender address syntax"                                       },
    {SMTP_BAD_RCPT,            501, "5.1.3", "Bad recipient address syntax"                                    },
    {SMTP_BAD_SIZE,            501, "5.5.4", "Bad message size syntax"                                         },
    {SMTP_BAD_RET,             501, "5.5.4", "Bad RET parameter syntax"                                        },
    {SMTP_BAD_ENVID,           501, "5.5.4", "Bad ENVID parameter syntax"                                      },
    {SMTP_BAD_NOTIFY,          501, "5.5.4", "Bad NOTIFY parameter syntax"                                     },
    {SMTP_BAD_ORCPT,           501, "5.5.4", "Bad ORCPT parameter syntax"                                      },
    {SMTP_BAD_AUTH,            501, "5.5.4", "Bad AUTH parameter syntax"                                       },
    {SMTP_BAD_XCLIENT,         501, "5.5.4", "Bad % syntax"                                                    },
    {SMTP_BAD_LINE,            500, "5.5.2", "Error: bad syntax"                                               },
    {SMTP_TWICE,               501, "5.5.4", "Option given twice: %"                                           },
    {SMTP_UNSUPPORTED,         555, "5.5.4", "Unsupported option: %"                                           },
    {SMTP_AUTH_DISABLED,       503, "5.5.4", "Error: authentication disabled"                                  },
    {SMTP_NEED_SMTPUTF8,       553, "5.6.7", "Must declare SMTPUTF8 to send unicode address"                   },

    {SMTP_UNKNOWN,             500, "5.5.2", "Error: command not recognized"                                   },
    {SMTP_UNIMPLEMENTED,       502, "5.5.1", "Error: command not implemented"                                  },
    {SMTP_NO_AUTH,             503, "5.5.1", "Error: authentication not enabled"                               },
    {SMTP_LINE_TOO_LONG,       500, "5.5.2", "Error: line too long"                                            },
    {SMTP_NEED_HELO,           503, "5.5.1", "Error: send HELO/EHLO first"                                     },
    {SMTP_NEED_LHLO,           503, "5.5.1", "Error: send LHLO first"                                          },
    {SMTP_NEED_MAIL,           503, "5.5.1", "Error: need MAIL command"                                        },
    {SMTP_NEED_RCPT,           503, "5.5.1", "Error: need RCPT command"                                        },
    {SMTP_NEED_BDAT,           503, "5.5.1", "Error: BODY=BINARYMIME needs BDAT"                               },
    {SMTP_NESTED_MAIL,         503, "5.5.1", "Error: nested MAIL command"                                      },
    {SMTP_NO_VALID_RCPT,       554, "5.5.1", "Error: no valid recipients"                                      },
    {SMTP_IN_TRANSACTION,      503, "5.5.1", "Error: MAIL transaction in progress"                             },
    {SMTP_ETRN_IN_TRANSACTION, 503, "",      "Error: MAIL transaction in progress"                             },
    {SMTP_MAIL_AFTER_BDAT,     503, "5.5.1", "Error: MAIL after BDAT"                                          },
    {SMTP_RCPT_AFTER_BDAT,     503, "5.5.1", "Error: RCPT after BDAT"                                          },
    {SMTP_DATA_AFTER_BDAT,     503, "5.5.1", "Error: DATA after BDAT"                                          },
    {SMTP_VRFY_OFF,            502, "5.5.1", "VRFY command is disabled"                                        },
    {SMTP_NO_ETRN,             459, "",      "<%>: service unavailable"                                        },
    {SMTP_NOT_AUTHORIZED,      550, "5.7.0", "Error: insufficient authorization"                               },

    {SMTP_TOO_BIG,             552, "5.3.4", "Message size exceeds fixed limit"                                },
    {SMTP_DISK_FULL,           452, "4.3.1", "Insufficient system storage"                                     },
    {SMTP_SHORT,               452, "4.3.1", "Insufficient system resources"                                   },
    {SMTP_MAIL_RATE,           450, "4.7.1", "Error: too much mail from %"                                     },
    {SMTP_RCPT_RATE,           450, "4.7.1", "Error: too many recipients from %"                               },
    {SMTP_AUTH_RATE,           450, "4.7.1", "Error: too many AUTH commands from %"                            },
    {SMTP_TOO_MANY_RCPTS,      452, "4.5.3", "Error: too many recipients"                                      },
    {SMTP_TOO_MANY_HOPS,       554, "5.4.0", "Error: too many hops"                                            },
    {SMTP_HAS_NUL,             550, "5.6.0", "Error: message contains a NUL byte"                              },
    {SMTP_BARE_LF,             550, "5.5.2", "Error: bare <LF> received"                                       },
    {SMTP_BARE_LF_BYE,         521, "5.5.2", "Error: bare <LF> received"                                       },
    {SMTP_QUEUE_ERROR,         451, "4.3.0", "Error: queue file write error"                                   },
    {SMTP_NULL_CHUNK,          551, "5.7.1", "Error: null BDAT request"                                        },
    {SMTP_CHUNK_DROPPED,       551, "5.0.0", "Discarded % bytes after earlier error"                           },

    {SMTP_NOT_SMTP,            221, "2.7.0", "Error: I can break rules, too. Goodbye."                         },
    {SMTP_OUT_OF_STEP,         554, "5.5.0", "Error: SMTP protocol synchronization"                            },
    {SMTP_TOO_MANY_ERRORS,     421, "4.7.0", "% Error: too many errors"                                        },
    {SMTP_TIMED_OUT,           421, "4.4.2", "% Error: timeout exceeded"                                       },
    {SMTP_SHUTTING_DOWN,       421, "4.3.2", "% Service shutting down"                                         },
    {SMTP_OVERLOADED,          421, "4.3.2", "% All server ports are busy"                                     },
    {SMTP_CROWDED,             421, "4.7.0", "%"                                                               },
};

const struct smtp_answer_row *smtp_answer_row(enum smtp_answer answer)
{
    ensure(answer > SMTP_ANSWER_NONE && answer < SMTP_ANSWERS);
    ensure(smtp_answer_rows[answer].answer == answer);
    return &smtp_answer_rows[answer];
}
