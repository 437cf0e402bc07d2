//! What clients ask and change for companies, and about those who act for them.

use engine::model::{Channel, Subject};
use engine::prefill::{Acting, own_of_company, set_mandate};
use rand::RngExt as _;

use super::Client;
use super::told::{in_time, told, version};
use crate::history::{Bundle, Operation, Wanted};
use crate::world::{FIRM, ORGANISATIONS, OURS, REGISTERS, company, managers};

impl Client {
    pub(super) async fn firm(&mut self, firm: usize) -> Operation {
        let (manager, _) = self.manager(firm);
        self.form(FIRM, vec![manager, company(firm)]).await
    }

    pub(super) async fn company_view(&mut self, firm: usize) -> Operation {
        let (manager, _) = self.manager(firm);
        let bundle = Bundle {
            procedure: OURS,
            subjects: vec![manager, company(firm)],
            organisation: ORGANISATIONS[0],
            channel: Channel::Own,
            case: None,
            key: None,
        };
        let invoked = self.shared.ticks.tick();
        let told = told(own_of_company(&self.core, manager, company(firm)).await);
        self.operation(invoked, Wanted::Bundle(bundle), told)
    }

    /// Somebody gives up a mandate of theirs, or takes that back.
    pub(super) async fn mandate(&mut self, firm: usize) -> Operation {
        let shared = self.shared.clone();
        let (subject, place) = self.manager(firm);
        let (other, allow, late) = (company(firm), self.rng.random_ratio(3, 5), self.late());
        let turn = shared.mandates[firm][place].lock().await;
        let invoked = shared.ticks.tick();
        let said = in_time(late, set_mandate(&self.core, subject, other, allow)).await;
        let wanted = Wanted::Mandate { subject, other, allow };
        let operation = self.operation(invoked, wanted, version(said));
        drop(turn);
        operation
    }

    /// Somebody who acts for a company withdraws the other's mandate, restores it, or
    /// changes its preference.
    pub(super) async fn for_company(&mut self, firm: usize) -> Operation {
        let shared = self.shared.clone();
        let (manager, place) = self.manager(firm);
        let other = managers(&shared.families, firm)[1 - place];
        let (subject, allow, late) = (company(firm), self.rng.random_ratio(3, 5), self.late());
        let prefers = self.rng.random_ratio(1, 3);
        let turn = shared.mandates[firm][if prefers { 4 } else { 3 - place }].lock().await;
        let beta = self.core.catalogue().find_register(REGISTERS[1]);
        let beta = beta.expect("a register of the catalogue");
        let invoked = shared.ticks.tick();
        let core = self.core.clone();
        let said = in_time(late, async move {
            let mut acting = Acting::begin(&core, manager, subject).await?;
            match prefers {
                true => acting.prefer(beta, allow).await,
                false => acting.set_mandate(other, allow).await,
            }
        });
        let wanted = match prefers {
            true => Wanted::Preference { subject, register: 1, allow },
            false => Wanted::Mandate { subject, other, allow },
        };
        let operation = self.operation(invoked, wanted, version(said.await));
        drop(turn);
        operation
    }

    /// One of the two who act for a company, and which.
    fn manager(&mut self, firm: usize) -> (Subject, usize) {
        let place = self.rng.random_range(0..2);
        (managers(&self.shared.families, firm)[place], place)
    }
}
