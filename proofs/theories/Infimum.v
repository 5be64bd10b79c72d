(** L_p, degree 1: where no minimum is attained, the infimum is that of the network without the escaping connections
    ([lasting_part] of Limit.v), and it is approached by rescalings that give all other weights their balanced values. *)
From Coq Require Import Reals Psatz List Arith Classical_Prop.
From synbal Require Import Sums Graph Regularizer Convexity PowerStep Certificates Existence Attained Limit.
Import ListNotations.
Open Scope R_scope.

(** A direction that shrinks the escaping connections of a list, grows none and leaves the lasting ones. *)
Definition shrinks g (h : point) (l : list connection) := grounded g h /\
  forall e, In e (connections g) -> exponent g h e <= 0 /\ (lasting g e = true -> exponent g h e = 0) /\
    (In e l -> lasting g e = false -> exponent g h e <= -1).

Lemma shrink_one g e : linear_degree g -> In e (connections g) -> lasting g e = false -> exists h, shrinks g h [e].
Proof.
  intros D I K. set (s := fun i => reach g (head e) i). set (b := number (exists v, free g v = false /\ s v)).
  exists (fun i => b - number (s i)). split.
  - intros i F. apply Rminus_diag_eq. apply number_iff. split; [|eauto]. intros [v [G R]].
    eapply reach_trans; [exact R|]. apply reach_link. right. auto.
  - intros e' I'. unfold exponent. rewrite D.
    assert (L : s (tail e') -> s (head e')).
    { intro R. eapply reach_trans; [exact R|]. now apply connection_reaches. }
    pose proof (number_le _ _ L). split; [lra|]. split.
    + intro T. apply (proj1 (decide_spec _)) in T. rewrite (number_iff (s (head e')) (s (tail e'))); [ring|].
      split; auto. intro R. eapply reach_trans; eauto.
    + intros [<-|[]] _. rewrite (number_true (s (head e))) by constructor. rewrite (number_false (s (tail e))); [lra|].
      intro R. enough (lasting g e = true) by congruence. apply decide_spec. exact R.
Qed.

Lemma shrink_all g l : linear_degree g -> (forall e, In e l -> In e (connections g)) -> exists h, shrinks g h l.
Proof.
  intros D. induction l as [|e l IH]; intro S.
  - exists (fun _ => 0). split; [intros i _; reflexivity|]. intros e I. rewrite exponent_zero by auto.
    repeat split; auto; try lra. intros [].
  - destruct (IH ltac:(intros; apply S; simpl; auto)) as [h [G H]].
    destruct (lasting g e) eqn:K.
    + exists h. split; auto. intros e' I'. destruct (H e' I') as [A [B C]]. split; [auto|]. split; [auto|].
      intros [<-|J] N; [congruence|auto].
    + destruct (shrink_one g e D (S e ltac:(simpl; auto)) K) as [h' [G' H']].
      exists (fun i => h i + 1 * h' i). split; [intros i F; rewrite G, G' by auto; ring|].
      intros e' I'. rewrite exponent_line. destruct (H e' I') as [A [B C]]. destruct (H' e' I') as [A' [B' C']].
      split; [lra|]. split; [intro T; rewrite B, B' by auto; ring|]. intros [<-|J] N.
      * specialize (C' ltac:(simpl; auto) N). lra.
      * specialize (C J N). lra.
Qed.

(** No rescaling costs less than the limit (limit_keeps_the_function in Limit.v), and rescalings come as near as one
    likes with the lasting weights equal to those of the limit. *)
Theorem limit_is_approached (p : posreal) g x eps : linear_degree g -> grounded g x -> 0 < eps ->
  exists y, grounded g y /\ total g (power p) y < total (lasting_part g) (power p) x + eps /\
  forall e, In e (connections g) -> lasting g e = true -> rescaled_weight g y e = rescaled_weight g x e.
Proof.
  intros D G E. pose proof (cond_pos p) as P.
  destruct (shrink_all g (connections g) D ltac:(auto)) as [h [Gh H]].
  set (T := total g (power p) x).
  assert (N : 0 <= T) by (apply sum_nonneg; intros; left; apply power_cost_pos).
  set (t := T / (p * eps)).
  assert (Pt : 0 <= t).
  { unfold t, Rdiv. apply Rmult_le_pos; auto. left. apply Rinv_0_lt_compat. now apply Rmult_lt_0_compat. }
  exists (fun i => x i + t * h i). split; [intros i F; rewrite G, Gh by auto; ring|]. split.
  - assert (B : forall l, (forall e, In e l -> In e (connections g)) ->
      sum (fun e => power_cost p e (exponent g (fun i => x i + t * h i) e)) l <=
      sum (fun e => power_cost p e (exponent g x e)) (filter (lasting g) l) +
      exp (- (p * t)) * sum (fun e => power_cost p e (exponent g x e)) l).
    { induction l as [|e l IH]; intro S; [simpl; lra|]. specialize (IH ltac:(intros; apply S; simpl; auto)).
      destruct (H e (S e ltac:(simpl; auto))) as [A [B C]]. pose proof (power_cost_pos p e (exponent g x e)) as Q.
      pose proof (exp_pos (- (p * t))) as X. cbn [filter sum]. rewrite exponent_line.
      pose proof (Rmult_lt_0_compat _ _ X Q).
      destruct (lasting g e) eqn:K.
      - rewrite B by auto. cbn [sum]. replace (exponent g x e + t * 0) with (exponent g x e) by ring. lra.
      - specialize (C (S e ltac:(simpl; auto)) eq_refl).
        enough (power_cost p e (exponent g x e + t * exponent g h e) <= exp (- (p * t)) * power_cost p e (exponent g x e)) by lra.
        rewrite !power_cost_exp.
        replace (exp (- (p * t)) * (amplitude p e * exp (p * exponent g x e))) with
          (amplitude p e * (exp (- (p * t)) * exp (p * exponent g x e))) by ring.
        rewrite <- exp_plus. apply Rmult_le_compat_l; [left; apply amplitude_pos|]. apply exp_le.
        assert (t * exponent g h e <= - t) by nra. nra. }
    specialize (B (connections g) ltac:(auto)). fold T in B.
    change (total g (power p) (fun i => x i + t * h i)) with
      (sum (fun e => power_cost p e (exponent g (fun i => x i + t * h i) e)) (connections g)).
    change (total (lasting_part g) (power p) x) with
      (sum (fun e => power_cost p e (exponent g x e)) (filter (lasting g) (connections g))).
    change (sum (fun e => power_cost p e (exponent g x e)) (connections g)) with T in B.
    enough (exp (- (p * t)) * T < eps) by lra.
    pose proof (exp_ineq1_le (p * t)) as X. pose proof (exp_pos (p * t)) as Y. rewrite exp_Ropp.
    apply Rmult_lt_reg_l with (exp (p * t)); [auto|].
    replace (exp (p * t) * (/ exp (p * t) * T)) with T by (field; lra).
    assert (Z : p * t * eps = T) by (unfold t; field; lra). nra.
  - intros e I K. unfold rescaled_weight. rewrite exponent_line. destruct (H e I) as [_ [B _]].
    rewrite B, Rmult_0_r, Rplus_0_r by auto. reflexivity.
Qed.
