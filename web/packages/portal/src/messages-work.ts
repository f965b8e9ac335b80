/** Sentences around a task: the bar above it, its notices and its questions. */

export const workMessages = {
  // Bar
  allTasks: "All tasks",
  aboutJob: "About this job",
  thisTask: "This task",
  signOutName: (username: string) => `Sign out ${username}`,
  skip: "Skip",
  skipDoes: "Give this task back and take another one",
  decline: "Decline",
  declineDoes: "Refuse a broken task; you will not see it again",
  release: "Release",
  releaseDoes: "Give this task back and return to the list",
  pause: "Stop and resume later",
  pauseDoes: "Keep this task and your work, and go on later",
  withKey: (hint: string, key: string) => `${hint} (${key})`,
  nDone: (n: number) => `${n} done`,
  timeLeft: (duration: string) => `Time left: ${duration}`,
  leftForTask: (duration: string) => `${duration} left for this task.`,
  frameTitle: (title: string) => `Task: ${title}`,

  // Notices
  workIsBack: "Your earlier work on this task is back.",
  onlyThisLeft: "This is the only task left for you here, so you got it again.",
  nextTask: "Next task.",
  notAccepted: (reason: string) => `The answer was not accepted. ${reason}`,
  notSentYet: (reason: string) => `Not sent yet, nothing is lost. ${reason}`,

  // Questions
  taskLost: "This task is no longer yours",
  timeOver: "The time for this task is over. It goes back to the pool and was not handed in.",
  backToList: "Back to the list",
  toNextTask: "Next task",
  askDecline: "Decline this task?",
  declineText:
    "Decline a task only when it is broken, for example when the picture does not show. You will not get it again.",
  declineTask: "Decline task",
  askRelease: "Release this task?",
  releaseText: "Your work on it is lost, and the task goes back to the pool. Others may take it, and so may you.",
  releaseTask: "Release task",
  askPause: "Stop and resume later?",
  pauseText: (left: string) =>
    `The task stays yours and your work is kept in this browser. The time goes on: resume within ${left}.`,
  stopForNow: "Stop for now",
  timeForOne: "Time for one task",
  job: "Job",
  howToDo: "How to do the task is in the instructions beside it.",

  // Without a task
  gettingTask: "Getting a task …",
  noTasksNow: "No tasks here right now",
  noMoreTasks: "No more tasks",
  openByThemselves: (nDone: number) => {
    const done = nDone === 0 ? "" : `You have done ${nDone} ${nDone === 1 ? "task" : "tasks"}. `;
    return `${done}If more turn up in this job, they open here by themselves.`;
  },
  noTaskTaken: "No task could be taken",
};
