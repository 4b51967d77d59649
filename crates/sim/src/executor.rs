//! Runs tasks on one thread in simulated time: the same seed gives the same order of everything.
//!
//! Of the tasks that can go on, chance picks one; when none can, time jumps to the next alarm. No wall clock, no
//! threads, no runtime. When nothing can go on and no alarm is set, the tasks wait for each other for ever, and that
//! is reported.

use futures::future::BoxFuture;
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};
use testkit::random::Random;

/// What dies together: a node in one of its lives. 0 is the world, which does not die.
pub(crate) type Scope = u64;
/// The request that a task works for.
pub(crate) type ExecutionId = u64;
/// One task.
pub(crate) type TaskId = u64;

/// The scope of the world itself.
pub(crate) const WORLD: Scope = 0;
/// Steps after which a run is taken to go round in circles.
const STEPS_MAX: u64 = 3_000_000;

/// Why a run cannot end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stuck {
    /// All tasks wait for each other.
    Deadlock,
    /// Tasks go on and on.
    Livelock,
}

/// Tasks, alarms and the time.
#[derive(Clone)]
pub(crate) struct Executor(Arc<Mutex<State>>);

struct State {
    now: u64,
    steps: u64,
    next: u64,
    random: Random,
    tasks: BTreeMap<TaskId, Task>,
    ready: Vec<TaskId>,
    alarms: BTreeMap<(u64, u64), Waker>,
    running: Option<Running>,
}

struct Task {
    /// Absent while it is being polled.
    future: Option<BoxFuture<'static, ()>>,
    of: Running,
    is_ready: bool,
}

/// For whom the current task works.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Running {
    pub(crate) scope: Scope,
    pub(crate) execution: Option<ExecutionId>,
}

struct TaskWaker {
    id: TaskId,
    executor: Executor,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.executor.0.lock().make_ready(self.id);
    }
}

impl State {
    fn make_ready(&mut self, id: TaskId) {
        if let Some(task) = self.tasks.get_mut(&id)
            && !std::mem::replace(&mut task.is_ready, true)
        {
            self.ready.push(id);
        }
    }

    fn pick(&mut self) -> Option<TaskId> {
        (!self.ready.is_empty()).then(|| {
            let at = self.random.index(self.ready.len());
            self.ready.swap_remove(at)
        })
    }
}

impl Executor {
    /// An empty world at `now`, in milliseconds since 1970.
    pub(crate) fn new(now: u64, random: Random) -> Self {
        let (tasks, ready, alarms) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        Self(Arc::new(Mutex::new(State {
            now,
            steps: 0,
            next: 1,
            random,
            tasks,
            ready,
            alarms,
            running: None,
        })))
    }

    /// The time.
    pub(crate) fn now(&self) -> u64 {
        self.0.lock().now
    }

    /// For whom the current task works.
    pub(crate) fn running(&self) -> Option<Running> {
        self.0.lock().running
    }

    /// Starts a task.
    pub(crate) fn spawn(
        &self,
        scope: Scope,
        execution: Option<ExecutionId>,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> TaskId {
        let mut state = self.0.lock();
        let id = state.next;
        state.next += 1;
        let of = Running { scope, execution };
        state.tasks.insert(id, Task { future: Some(Box::pin(future)), of, is_ready: false });
        state.make_ready(id);
        id
    }

    /// Ends every task of a scope where it stands.
    pub(crate) fn kill_scope(&self, scope: Scope) {
        self.kill(|_, task| task.of.scope == scope);
    }

    /// Ends a task where it stands.
    pub(crate) fn kill_task(&self, id: TaskId) {
        self.kill(|candidate, _| candidate == id);
    }

    fn kill(&self, is_meant: impl Fn(TaskId, &Task) -> bool) {
        let mut state = self.0.lock();
        let doomed: BTreeSet<TaskId> =
            state.tasks.iter().filter(|(id, task)| is_meant(**id, task)).map(|(id, _)| *id).collect();
        state.ready.retain(|id| !doomed.contains(id));
        let tasks: Vec<Task> = doomed.iter().filter_map(|id| state.tasks.remove(id)).collect();
        // A task that ends may wake others, which takes this lock.
        drop(state);
        drop(tasks);
    }

    /// Ends every task. What they hold may hold the world, which would never be freed.
    pub(crate) fn kill_all(&self) {
        self.kill(|_, _| true);
    }

    /// An alarm after so many milliseconds.
    pub(crate) fn sleep(&self, millis: u64) -> Sleep {
        let due = self.now().saturating_add(millis);
        Sleep { executor: self.clone(), due, alarm: None }
    }

    /// Runs until `is_over` says so.
    pub(crate) fn run_until(&self, is_over: impl Fn() -> bool) -> Result<(), Stuck> {
        while !is_over() {
            let picked = self.0.lock().pick();
            match picked {
                Some(id) => self.step(id)?,
                None => self.jump()?,
            }
        }
        Ok(())
    }

    /// Lets time pass to the next alarm.
    fn jump(&self) -> Result<(), Stuck> {
        let mut state = self.0.lock();
        let ((due, _), waker) = state.alarms.pop_first().ok_or(Stuck::Deadlock)?;
        state.now = state.now.max(due);
        drop(state);
        waker.wake();
        Ok(())
    }

    fn step(&self, id: TaskId) -> Result<(), Stuck> {
        let mut state = self.0.lock();
        state.steps += 1;
        if state.steps > STEPS_MAX {
            return Err(Stuck::Livelock);
        }
        let Some(task) = state.tasks.get_mut(&id) else { return Ok(()) };
        task.is_ready = false;
        let (of, future) = (task.of, task.future.take());
        state.running = Some(of);
        drop(state);
        let Some(mut future) = future else { return Ok(()) };
        let waker = Waker::from(Arc::new(TaskWaker { id, executor: self.clone() }));
        let poll = future.as_mut().poll(&mut Context::from_waker(&waker));
        let mut state = self.0.lock();
        state.running = None;
        let over = match poll {
            Poll::Ready(()) => state.tasks.remove(&id),
            // It may have been killed while it ran.
            Poll::Pending => match state.tasks.get_mut(&id) {
                Some(task) => {
                    task.future = Some(future);
                    return Ok(());
                }
                None => None,
            },
        };
        drop(state);
        drop((over, future));
        Ok(())
    }
}

/// Ends when its time has come.
pub(crate) struct Sleep {
    executor: Executor,
    due: u64,
    alarm: Option<(u64, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let executor = self.executor.clone();
        let mut state = executor.0.lock();
        if state.now >= self.due {
            return Poll::Ready(());
        }
        let due = self.due;
        let alarm = *self.alarm.get_or_insert_with(|| {
            state.next += 1;
            (due, state.next)
        });
        state.alarms.insert(alarm, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(alarm) = self.alarm {
            let waker = self.executor.0.lock().alarms.remove(&alarm);
            drop(waker);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn executor() -> Executor {
        Executor::new(0, Random::new(1))
    }

    #[test]
    fn time_passes_only_when_nothing_else_can_go_on() {
        let (executor, order) = (executor(), Arc::new(Mutex::new(Vec::new())));
        for millis in [30, 10, 20] {
            let (own, order) = (executor.clone(), order.clone());
            executor.spawn(WORLD, None, async move {
                own.sleep(millis).await;
                order.lock().push((own.now(), millis));
            });
        }
        executor.run_until(|| order.lock().len() == 3).unwrap();
        assert_eq!(*order.lock(), [(10, 10), (20, 20), (30, 30)]);
    }

    #[test]
    fn tasks_that_wait_for_each_other_are_reported() {
        let executor = executor();
        let (_kept, never) = futures::channel::oneshot::channel::<()>();
        executor.spawn(WORLD, None, async move {
            never.await.ok();
        });
        assert_eq!(executor.run_until(|| false), Err(Stuck::Deadlock));
    }

    #[test]
    fn what_is_killed_does_not_go_on() {
        let (executor, reached) = (executor(), Arc::new(Mutex::new(0)));
        for scope in [1, 2] {
            let (own, reached) = (executor.clone(), reached.clone());
            executor.spawn(scope, None, async move {
                own.sleep(10).await;
                *reached.lock() += scope;
            });
        }
        let own = executor.clone();
        executor.spawn(WORLD, None, async move {
            own.sleep(5).await;
            own.kill_scope(1);
        });
        assert_eq!(executor.run_until(|| false), Err(Stuck::Deadlock));
        assert_eq!(*reached.lock(), 2);
    }
}
