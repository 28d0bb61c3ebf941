//! Rules that change lists: looked up first, and left for who commits them where there is something to change.

use super::rules::Draft;
use crate::live::{ListEdit, Wish};
use crate::snapshot::ListEditPlan;

impl Draft<'_> {
    /// Asks for the change of an entry, unless it is already as it should be.
    pub(super) fn edit_list(&self, plan: &ListEditPlan) {
        let key = self.text(&plan.key);
        let wish = match (&plan.value, plan.removes) {
            (_, true) => Wish::Absent,
            (None, false) => Wish::Present(None),
            (Some(value), false) => Wish::Present(Some(self.text(value).into())),
        };
        let worker = &self.scene.session.worker;
        let edits = &worker.shared.live.edits;
        // The request's own snapshot may be older than what others have changed meanwhile.
        if !edits.is_pending(&plan.list, &key) {
            let snapshot = worker.snapshot();
            let entry = snapshot.lists.written(plan.list.as_str(), &key);
            let is_so = match (&wish, entry) {
                (Wish::Absent, None) | (Wish::Present(None), Some(_)) => true,
                (Wish::Present(value @ Some(_)), Some(entry)) => entry.value == value.as_deref(),
                _ => false,
            };
            if is_so {
                return;
            }
        }
        let fits = |text: &[u8]| !text.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0));
        let holds = match &wish {
            Wish::Present(Some(value)) => fits(value),
            Wish::Present(None) | Wish::Absent => true,
        };
        // Entries are lines: what is none can be in no list.
        if key.is_empty() || !fits(&key) || !holds {
            edits.refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            return;
        }
        let (list, origin) = (plan.list.clone(), plan.origin.clone());
        edits.leave(ListEdit { list, key: key.into(), wish, origin });
    }
}
