#ifndef CORE_WORK_JOB_H
#define CORE_WORK_JOB_H

/*
 * job: work that leaves a reactor and comes home.
 *
 * run() on a worker thread, then home() on the thread whose inbox it carries. The pointer is the
 * ownership: whoever holds it may touch the job and all it reaches, nobody else may. A job cannot
 * fail; what went wrong is written in what it carries.
 */

struct inbox;

struct job {
    struct job *next;              /* for the queue that holds it */
    void (*run)(struct job *job);  /* may block; ends with inbox_post(job->inbox, job), or hands the
                                      job to somebody whose callback posts it (store_submit) */
    void (*home)(struct job *job); /* must not block */
    struct inbox *inbox;
};

#endif
